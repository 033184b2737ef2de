"""Contigs of a baked corpus, put together again from their windows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from genome_index.lab.annotate.corpus.examples import Example
from genome_index.lab.annotate.corpus.windows import Window
from genome_index.lab.annotate.files.features import Feature
from genome_index.lab.annotate.prediction.annotate import features_of
from genome_index.lab.annotate.prediction.circles import stitch_contig
from genome_index.lab.annotate.prediction.stitching import WindowLines
from genome_index.records import Contig


@dataclass(frozen=True)
class EvaluatedContig:
    """One contig with its true features."""

    genome: str
    contig: Contig  # its name says its genome too, so that it is the only one of that name
    windows: tuple[Window, ...]  # of the forward strand, as they were baked
    true: tuple[Feature, ...]
    circle_bp: int = 0  # its length if it is circular, else 0


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
        yield EvaluatedContig(genome, contig, windows, true, circle)


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
