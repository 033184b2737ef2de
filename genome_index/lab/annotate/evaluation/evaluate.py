"""Evaluation of an annotation model on a part of a baked corpus, beside baselines."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from genome_index.errors import UsageError
from genome_index.lab.annotate.corpus.examples import Examples
from genome_index.lab.annotate.corpus.windows import Window, WindowPlan, on_strands, windows_of
from genome_index.lab.annotate.evaluation.contigs import EvaluatedContig, contigs_of
from genome_index.lab.annotate.evaluation.longest_orf import BACTERIA, longest_frames, starts_and_stops
from genome_index.lab.annotate.evaluation.metrics import Scores, score
from genome_index.lab.annotate.evaluation.pyrodigal_genes import PyrodigalGenes, pyrodigal_genes
from genome_index.lab.annotate.files.features import Feature
from genome_index.lab.annotate.model.writing_record import WritingRecord
from genome_index.lab.annotate.prediction.annotate import Annotator, features_of
from genome_index.lab.annotate.prediction.circles import stitch_contig
from genome_index.lab.annotate.silver.labels import Finder
from genome_index.lab.corpus.split import Part
from genome_index.records import Contig, Progress, quiet

MODEL, LONGEST_ORF, PYRODIGAL = "model", "longest ORF", "pyrodigal"


@dataclass(frozen=True)
class EvaluationPlan:
    """What is evaluated besides the model on the windows of the corpus."""

    part: Part = "test"
    windows_bp: tuple[int, ...] = ()  # other lengths of windows, half of each apart
    code: int = BACTERIA  # NCBI's number of the genetic code, of the longest frames
    pyrodigal: Finder | None = None  # how it finds genes; None: no such baseline
    both_strands: bool = True  # whether windows of the reverse strand are read too


@dataclass(frozen=True)
class Reading:
    """What a model made of all contigs in windows of one length."""

    window_bp: int
    stride_bp: int
    scores: Scores
    kb_per_second: float
    writing: WritingRecord


@dataclass(frozen=True)
class Evaluation:
    """Scores of a model and of baselines on the same contigs."""

    part: Part
    contigs: int
    base_pairs: int
    readings: tuple[Reading, ...]  # first in the windows of the corpus
    baselines: dict[str, Scores]  # of LONGEST_ORF and PYRODIGAL
    pyrodigal: PyrodigalGenes | None  # where it is a baseline

    @property
    def scores(self) -> dict[str, Scores]:
        """Of MODEL, in the windows of the corpus, and of the baselines."""
        return {MODEL: self.readings[0].scores, **self.baselines}

    @property
    def kb_per_second(self) -> float:
        """Of the model, in the windows of the corpus."""
        return self.readings[0].kb_per_second


@dataclass
class _Reading:
    """A reading while contigs are read."""

    annotator: Annotator
    plan: WindowPlan
    record: WritingRecord
    predicted: list[Feature] = field(default_factory=list)
    seconds: float = 0.0
    base_pairs: int = 0

    def read(self, contig: Contig, circle_bp: int, baked: Sequence[Window] | None = None) -> None:
        """Annotate a contig in windows of its corpus, or of the reading's own length."""
        windows = list(self._windows(contig, circle_bp) if baked is None else self._strands_of(baked))
        begun = time.perf_counter()
        lines = self.annotator.write(windows, record=self.record)
        self.predicted += features_of(contig, stitch_contig(lines, circle_bp))
        self.seconds += time.perf_counter() - begun
        self.base_pairs += len(contig.sequence)

    def _windows(self, contig: Contig, circle_bp: int) -> Iterator[Window]:
        return windows_of(contig, (), self.plan, circle_bp > 0)

    def _strands_of(self, forward: Sequence[Window]) -> Iterator[Window]:
        for window in forward:
            yield from on_strands(window, self.plan.both_strands)

    def scored(self, true: Sequence[Feature]) -> Reading:
        speed = self.base_pairs / 1000 / max(self.seconds, 1e-9)
        plan = self.plan
        return Reading(plan.window_bp, plan.stride_bp, score(self.predicted, true), speed, self.record)


def evaluate(
    annotator: Annotator, corpus: Path, plan: EvaluationPlan | None = None, progress: Progress = quiet
) -> Evaluation:
    """Annotate the contigs of a part, and compare with what the corpus says of them.

    Raises
    ------
    UsageError
        The part has no window, there is no such genetic code, or pyrodigal is not there.
    InputError
    """
    plan = plan or EvaluationPlan()
    starts_and_stops(plan.code)  # refuse an unknown code before the contigs are read
    examples = Examples(corpus)
    if not examples.count(plan.part):
        raise UsageError(f"{corpus} has no window in its {plan.part} part; choose another with --part")
    first, *others = _readings(annotator, examples, plan)
    contigs: list[EvaluatedContig] = []
    for each in contigs_of(examples.of_part(plan.part)):
        first.read(each.contig, each.circle_bp, each.windows)
        for other in others:
            other.read(each.contig, each.circle_bp)
        contigs.append(each)
        progress.stage("contigs", len(contigs), 0)
    true = [feature for each in contigs for feature in each.true]
    frames = [feature for each in contigs for feature in longest_frames(each.contig, code=plan.code)]
    baselines, genes = {LONGEST_ORF: score(frames, true)}, None
    if plan.pyrodigal is not None:
        genes = pyrodigal_genes(contigs, plan.pyrodigal, progress)
        baselines[PYRODIGAL] = score(genes.labels.annotation.features, true)
    readings = tuple(each.scored(true) for each in (first, *others))
    return Evaluation(plan.part, len(contigs), first.base_pairs, readings, baselines, genes)


def _readings(annotator: Annotator, examples: Examples, plan: EvaluationPlan) -> list[_Reading]:
    """Of the windows of the corpus, then of the other lengths."""
    baked = int(examples.settings["window_bp"]), int(examples.settings["stride_bp"])
    lengths = [baked, *((window_bp, 0) for window_bp in plan.windows_bp)]
    return [
        _Reading(annotator, annotator.plan(window, stride, plan.both_strands), annotator.record())
        for window, stride in lengths
    ]
