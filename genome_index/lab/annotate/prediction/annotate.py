"""Annotation of contigs by a model: windows are read, their targets written and stitched to features."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch

from genome_index.encoders.batching import best_device
from genome_index.encoders.networks.annotation.annotation_model import AnnotationModel
from genome_index.encoders.networks.annotation.routing import Routing
from genome_index.lab.annotate.corpus.target_text import TargetLine, mirrored_line
from genome_index.lab.annotate.corpus.windows import Window, WindowPlan, windows_of
from genome_index.lab.annotate.files.features import Attributes, Feature, Part
from genome_index.lab.annotate.model.base_places import BasePlaces
from genome_index.lab.annotate.model.folder import open_model_folder, origin_of
from genome_index.lab.annotate.model.generation import generate
from genome_index.lab.annotate.model.target_words import TargetWords, words_of
from genome_index.lab.annotate.model.writing_record import WritingRecord
from genome_index.lab.annotate.prediction.circles import stitch_contig
from genome_index.lab.annotate.prediction.gene_groups import gene_numbers
from genome_index.lab.annotate.prediction.stitching import Stitched, WindowLines
from genome_index.lab.annotate.tokens.tokenizer import AnnotationTokenizer
from genome_index.lab.annotate.training.free_words import free_words
from genome_index.lab.annotate.training.pointer_batches import sources_of
from genome_index.records import Contig, Progress, quiet

SOURCE = "gindex"  # column 2 of what is written
WINDOWS, BASES = 32, 40_000  # read at once, at most; a longer window is read alone


@dataclass(frozen=True)
class Annotator:
    """A model that is ready to annotate."""

    model: AnnotationModel
    tokenizer: AnnotationTokenizer
    words: TargetWords
    trained: WindowPlan  # the windows of its training

    def plan(self, window_bp: int = 0, stride_bp: int = 0, both_strands: bool = True) -> WindowPlan:
        """Windows to read; 0: those of the training, half a window apart.

        What was trained on the forward strand alone reads no other.
        """
        own, window_bp = self.trained, window_bp or self.trained.window_bp
        stride_bp = stride_bp or max(1, window_bp // 2)
        return WindowPlan(window_bp, stride_bp, own.flank_bp, both_strands and own.both_strands)

    def record(self) -> WritingRecord:
        """An empty record of what this model does while it writes."""
        return WritingRecord(self.model.config, free_words(self.model, self.tokenizer, self.words))

    def write(
        self, windows: Sequence[Window], progress: Progress = quiet, record: WritingRecord | None = None
    ) -> list[WindowLines]:
        """What the model writes of windows, on the forward strand; a record counts what it does."""
        longest = max((window.end - window.start for window in windows), default=1)
        at_once = max(1, min(WINDOWS, BASES // longest))
        written: list[WindowLines] = []
        for at in range(0, len(windows), at_once):
            written += self._batch(windows[at : at + at_once], record)
            progress.stage(f"annotation: {windows[at].contig}, window", len(written), len(windows))
        return written

    def _batch(self, windows: Sequence[Window], record: WritingRecord | None) -> Iterator[WindowLines]:
        sources = [self.tokenizer.source(window.sequence) for window in windows]
        places = [
            BasePlaces(source, window.before, window.after)
            for source, window in zip(sources, windows, strict=True)
        ]
        device = next(self.model.parameters()).device
        padded = sources_of(sources, self.tokenizer.pad, self.model.config.context).to(device)
        routings: list[Routing] = []
        with torch.inference_mode():
            encoded = padded.encode(self.model, routings)
            written = generate(self.model, encoded, places, self.words, record)
        if record is not None:
            record.add_routings("encoder", routings)
        for window, target in zip(windows, written, strict=True):
            lines = [_on_forward_strand(each.line, window) for each in target]
            probabilities = [each.probability for each in target]
            yield WindowLines(window.start, window.end, lines, probabilities, window.strand)


def _on_forward_strand(line: TargetLine, window: Window) -> TargetLine:
    return line if window.strand == "+" else mirrored_line(line, window.end - window.start)


def open_annotator(folder: Path) -> Annotator:
    """The model in a folder, on the GPU if there is one.

    Raises
    ------
    ModelError
    """
    model, files = open_model_folder(folder)
    tokenizer = AnnotationTokenizer(files, str(folder))
    model.to(best_device().name).eval().requires_grad_(False)
    return Annotator(model, tokenizer, words_of(tokenizer), _trained_windows(origin_of(folder)))


def _trained_windows(origin: Mapping[str, Any]) -> WindowPlan:
    """The windows of a model's training; the usual ones where it had none, as before the first training."""
    return replace(
        WindowPlan(), **{each.name: origin[each.name] for each in fields(WindowPlan) if each.name in origin}
    )


def annotate(
    contigs: Iterable[Contig], annotator: Annotator, plan: WindowPlan, progress: Progress = quiet,
    circular: bool = False,
) -> Iterator[Feature]:  # fmt: skip
    """The features of contigs, in order of place; genes have the features of the same number as children.

    Circular contigs have a landmark that says so, and what crosses their origin ends beyond their length.
    """
    for contig in contigs:
        length = len(contig.sequence)
        if circular:
            landmark = (("ID", (contig.name,)), ("Is_circular", ("true",)))
            yield Feature(contig.name, SOURCE, "region", (Part(0, length, "+"),), landmark)
        windows = list(windows_of(contig, (), plan, circular))
        written = annotator.write(windows, progress)
        yield from features_of(contig, stitch_contig(written, length if circular else 0))


def features_of(contig: Contig, parts: Sequence[Stitched]) -> Iterator[Feature]:
    """Stitched parts as features: parts of one type and gene are one feature of several parts."""
    groups: dict[tuple[int, str], list[Stitched]] = {}
    for part, gene in zip(parts, gene_numbers(parts), strict=True):
        groups.setdefault((gene, part.leftmost.line.type), []).append(part)
    parents = {gene for gene, kind in groups if kind == "gene"}
    for number, ((gene, kind), own) in enumerate(groups.items(), 1):
        is_child = kind != "gene" and gene in parents
        name = f"{contig.name}-gene-{gene}" if kind == "gene" else f"{contig.name}-{kind}-{number}"
        attributes = _attributes(name, f"{contig.name}-gene-{gene}" if is_child else "", own)
        yield Feature(contig.name, SOURCE, kind, tuple(map(_part, own)), attributes)


def _part(part: Stitched) -> Part:
    first = part.first.line
    return Part(part.start, part.end, first.strand, first.phase)


def _attributes(name: str, parent: str, parts: Sequence[Stitched]) -> Attributes:
    """ID, Parent, biotype, and for a part that goes on beyond the contig NCBI's partial=true."""
    biotype = next((part.leftmost.line.biotype for part in parts if part.leftmost.line.biotype), "")
    pairs = [
        ("ID", name), ("Parent", parent), ("gene_biotype", biotype),
        ("partial", "true" if any(part.is_cut for part in parts) else ""),
    ]  # fmt: skip
    return tuple((key, (value,)) for key, value in pairs if value)
