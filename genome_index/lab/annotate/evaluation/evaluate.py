"""Evaluation of an annotation model on a part of a baked corpus, beside the longest open reading frames."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from genome_index.errors import UsageError
from genome_index.lab.annotate.corpus.examples import Example, Examples
from genome_index.lab.annotate.corpus.windows import Window
from genome_index.lab.annotate.evaluation.longest_orf import longest_frames
from genome_index.lab.annotate.evaluation.metrics import Scores, score
from genome_index.lab.annotate.files.features import Feature
from genome_index.lab.annotate.prediction.annotate import Annotator, features_of
from genome_index.lab.annotate.prediction.circles import stitch_contig
from genome_index.lab.annotate.prediction.stitching import WindowLines
from genome_index.lab.corpus.split import Part
from genome_index.records import Contig, Progress, quiet

MODEL, LONGEST_ORF = "model", "longest ORF"


@dataclass(frozen=True)
class Evaluation:
    """Scores of a model and of a baseline on the same contigs."""

    part: Part
    contigs: int
    base_pairs: int
    scores: dict[str, Scores]  # of MODEL and of LONGEST_ORF
    kb_per_second: float  # of the model


@dataclass(frozen=True)
class EvaluatedContig:
    """One contig with its true features."""

    contig: Contig
    windows: tuple[Window, ...]  # of the forward strand
    true: tuple[Feature, ...]
    circle_bp: int = 0  # its length if it is circular, else 0


def evaluate(
    annotator: Annotator, corpus: Path, part: Part = "test", progress: Progress = quiet
) -> Evaluation:
    """Annotate the contigs of a part, and compare with what the corpus says of them.

    Raises
    ------
    UsageError
        The part has no window.
    InputError
    """
    examples = Examples(corpus)
    if not examples.count(part):
        raise UsageError(f"{corpus} has no window in its {part} part; choose another with --part")
    true: list[Feature] = []
    predicted: list[Feature] = []
    frames: list[Feature] = []
    contigs = base_pairs = 0
    seconds = 0.0
    for each in contigs_of(examples.of_part(part)):
        begun = time.perf_counter()
        predicted += features_of(each.contig, stitch_contig(annotator.write(each.windows), each.circle_bp))
        seconds += time.perf_counter() - begun
        true += each.true
        frames += longest_frames(each.contig)
        contigs, base_pairs = contigs + 1, base_pairs + len(each.contig.sequence)
        progress.stage("contigs", contigs, 0)
    scores = {MODEL: score(predicted, true), LONGEST_ORF: score(frames, true)}
    return Evaluation(part, contigs, base_pairs, scores, base_pairs / 1000 / max(seconds, 1e-9))


def contigs_of(examples: Iterable[Example]) -> Iterator[EvaluatedContig]:
    """The contigs of a baked corpus, put together from the windows of their forward strand."""
    forward = (example for example in examples if example.strand == "+")
    for (genome, seqid), group in groupby(forward, key=lambda example: (example.genome, example.seqid)):
        own = list(group)
        contig = Contig(f"{genome}:{seqid}" if genome != seqid else seqid, _sequence(own))
        windows = tuple(_window(example) for example in own)
        lines = [WindowLines(window.start, window.end, window.lines) for window in windows]
        circle = own[0].circle_bp
        true = tuple(features_of(contig, stitch_contig(lines, circle)))
        yield EvaluatedContig(contig, windows, true, circle)


def _window(example: Example) -> Window:
    return Window(
        example.seqid, example.start - 1, example.end, "+", example.before, example.after, example.bases,
        tuple(example.lines), example.circle_bp,
    )  # fmt: skip


def _sequence(examples: Sequence[Example]) -> bytes:
    """The bases of a contig from its windows; N where none was kept."""
    length = examples[0].circle_bp or max(example.end for example in examples)
    bases = bytearray(b"N" * length)
    for example in examples:
        own = example.bases[example.before : len(example.bases) - example.after].encode()
        inside = length - (example.start - 1)  # of a window over the origin, the rest is at the other end
        bases[example.start - 1 : example.end], bases[: len(own[inside:])] = own[:inside], own[inside:]
    return bytes(bases)
