"""Windows of a contig with the features in them: cut features are marked, both strands are mirrored.

A window is `window_bp` long and has, where the contig goes on, `flank_bp` bases of context on both sides. Its
lines are of the window alone, and so are their positions; the context is for the reader.

A circular contig goes on over its origin: windows begin a stride apart all around it, context is taken from
its other end, and a window over the origin has an end beyond the length.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Literal

import numpy as np

from genome_index.errors import UsageError
from genome_index.io.sequence import reverse_complement
from genome_index.lab.annotate.corpus.target_text import TargetLine, mirrored, sorted_lines
from genome_index.lab.annotate.files.features import PHASES, Feature, Part, Phase
from genome_index.lab.annotate.files.hierarchy import LANDMARKS, Hierarchy
from genome_index.lab.corpus.packing import Codes, bases_of, codes_of
from genome_index.records import Contig

BIOTYPES = ("gene_biotype", "biotype", "gene_type")  # of RefSeq, Ensembl and GENCODE
MOST_OTHER = 0.5  # share of N in a window that is used, as in the fragments of `lab corpus`


@dataclass(frozen=True)
class WindowPlan:
    """How contigs are cut."""

    window_bp: int = 1_000
    stride_bp: int = 500
    flank_bp: int = 50
    both_strands: bool = True

    def __post_init__(self) -> None:
        for option, value, least in (
            ("--window", self.window_bp, 1), ("--stride", self.stride_bp, 1), ("--flank", self.flank_bp, 0)
        ):  # fmt: skip
            if value < least:
                raise UsageError(f"{option} {value}: give a number of bases of at least {least}")
        if self.stride_bp > self.window_bp:
            raise UsageError(
                f"--stride {self.stride_bp} is longer than --window {self.window_bp}, so bases between "
                "windows would be left out; give a stride of at most the window"
            )


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a feature on a contig, with what its line says of it."""

    start: int  # 0-based, inclusive; below 0 for the end of a part that crosses the origin
    end: int  # exclusive; beyond the length for a part that crosses the origin
    line: TargetLine  # of the whole part; `gene` is the number of its root in the annotation


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a contig on one strand, and its annotation."""

    contig: str
    start: int  # 0-based, inclusive, on the forward strand
    end: int  # exclusive; beyond the length of a circular contig where the window crosses its origin
    strand: Literal["+", "-"]
    before: int  # bases of context in front of the window, on its strand
    after: int
    sequence: str  # A, C, G, T and N; context, window, context, on its strand
    lines: tuple[TargetLine, ...]  # of the window without context
    circle_bp: int = 0  # length of a circular contig; 0 for another one


@dataclass(frozen=True)
class Placed:
    """The parts of features on a contig, and what has no place there."""

    pieces: list[Piece]  # in the order of their starts
    left_out: Counter[tuple[str, str]]  # parts, by type of their feature and reason
    is_circular: bool = False  # the contig


def placed(hierarchy: Hierarchy, numbers: Iterable[int], length: int, is_circular: bool) -> Placed:
    """The parts of some features, by number, on their contig of `length` bp.

    A part over the origin of a circular contig has two pieces: one begins at its place and goes on beyond the
    length, the other is the same a turn before, and begins below 0.
    """
    result = Placed([], Counter(), is_circular)
    for at in numbers:
        feature, gene, biotype = hierarchy.features[at], hierarchy.root(at), biotype_of(hierarchy, at)
        for part in feature.parts:
            if reason := _no_place(feature, part, length, is_circular):
                result.left_out[feature.type, reason] += 1
                continue
            start = part.start % length  # an exon behind the origin may count on from the one before
            end = start + part.end - part.start
            line = TargetLine(feature.type, start, end, part.strand, part.phase, gene, biotype)
            result.pieces.append(Piece(start, end, line))
            if end > length:
                result.pieces.append(Piece(start - length, end - length, line))
    result.pieces.sort(key=lambda piece: piece.start)
    return result


def _no_place(feature: Feature, part: Part, length: int, is_circular: bool) -> str:
    """Why a part is left out; empty if it is used."""
    if feature.type in LANDMARKS:
        return "a landmark, not a feature of the sequence"
    if part.end > (2 * length if is_circular else length):
        return "it ends beyond its contig"
    return ""


def biotype_of(hierarchy: Hierarchy, at: int) -> str:
    """The biotype of a feature, else that of its nearest ancestor that has one; empty if none has."""
    for own in hierarchy.ancestry(at):
        for name in BIOTYPES:
            if value := hierarchy.features[own].value(name):
                return value
    return ""


def starts_of(length: int, plan: WindowPlan, is_circular: bool = False) -> list[int]:
    """The starts of windows, a stride apart; the last one ends with the contig, or goes on over its origin.

    A circular contig has two windows at least, so that no base is at an end of all of them.

    >>> starts_of(2_300, WindowPlan()), starts_of(700, WindowPlan())
    ([0, 500, 1000, 1300], [0])
    >>> starts_of(2_300, WindowPlan(), is_circular=True), starts_of(700, WindowPlan(), is_circular=True)
    ([0, 500, 1000, 1500, 2000], [0, 350])
    """
    if is_circular:
        return list(range(0, length, min(plan.stride_bp, -(-length // 2)))) if length else []
    last = max(0, length - plan.window_bp)
    return [*range(0, last, plan.stride_bp), last] if length else []


def windows_of(
    contig: Contig, pieces: Sequence[Piece], plan: WindowPlan, is_circular: bool = False
) -> Iterator[Window]:
    """The windows of a contig, each followed by its reverse complement if the plan has both strands.

    `pieces` are in the order of their starts.
    """
    codes = codes_of(contig.sequence)
    circle_bp = len(codes) if is_circular else 0
    waiting = chain(pieces, _next_turn(pieces, circle_bp))
    following = next(waiting, None)
    open_pieces: list[Piece] = []
    for start in starts_of(len(codes), plan, is_circular):
        end = start + min(plan.window_bp, len(codes))
        while following is not None and following.start < end:
            open_pieces.append(following)
            following = next(waiting, None)
        open_pieces = [piece for piece in open_pieces if piece.end > start]
        lines = sorted_lines(cut_line(piece, start, end) for piece in open_pieces)
        stretch = _stretch(codes, start, end, plan.flank_bp, circle_bp)
        window = Window(
            contig.name, start, end, "+", stretch.before, stretch.after, bases_of(stretch.codes).decode(),
            lines, circle_bp,
        )  # fmt: skip
        yield from on_strands(window, plan.both_strands)


def _next_turn(pieces: Iterable[Piece], circle_bp: int) -> Iterator[Piece]:
    """The pieces once more around a circular contig, for windows over its origin; none of another contig."""
    for piece in pieces if circle_bp else ():
        if piece.start >= 0:  # what begins below 0 is there a turn later already
            yield Piece(piece.start + circle_bp, piece.end + circle_bp, piece.line)


def on_strands(window: Window, both: bool) -> tuple[Window, ...]:
    """A window, followed by that of the other strand if both are wanted."""
    return (window, reverse_window(window)) if both else (window,)


def reverse_window(window: Window) -> Window:
    """The window of the other strand, with its lines."""
    return replace(
        window, strand="-" if window.strand == "+" else "+", before=window.after, after=window.before,
        sequence=reverse_complement(window.sequence.encode()).decode(),
        lines=mirrored(window.lines, window.end - window.start),
    )  # fmt: skip


def is_known(window: Window) -> bool:
    """Whether a window has enough bases that are not N."""
    own = window.sequence[window.before : len(window.sequence) - window.after]
    return own.count("N") <= MOST_OTHER * len(own)


def cut_line(piece: Piece, start: int, end: int) -> TargetLine:
    """The line of a piece in the window from `start` to `end`, with which it shares a base."""
    before, after = max(0, start - piece.start), max(0, piece.end - end)
    line = piece.line
    return TargetLine(
        line.type, max(piece.start, start) - start, min(piece.end, end) - start, line.strand,
        _cut_phase(line, before, after), line.gene, line.biotype, before > 0, after > 0,
    )  # fmt: skip


def _cut_phase(line: TargetLine, before: int, after: int) -> Phase | None:
    """The phase of what is left when so many bases are cut off on the left and the right."""
    if line.phase is None or line.strand not in ("+", "-"):
        return line.phase if not (before or after) else None
    return PHASES[(line.phase - (before if line.strand == "+" else after)) % 3]


@dataclass(frozen=True, slots=True)
class _Stretch:
    """The bases of a window with its context."""

    start: int  # of the window
    end: int
    before: int  # bases of context
    after: int
    codes: Codes  # context, window, context


def _stretch(codes: Codes, start: int, end: int, flank_bp: int, circle_bp: int) -> _Stretch:
    if circle_bp:
        flank = min(flank_bp, (circle_bp - (end - start)) // 2)  # no base is there twice
        own = codes.take(np.arange(start - flank, end + flank), mode="wrap")
        return _Stretch(start, end, flank, flank, own)
    first, last = max(0, start - flank_bp), min(len(codes), end + flank_bp)
    return _Stretch(start, end, start - first, last - end, codes[first:last])
