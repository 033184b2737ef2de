"""Features of a contig from the lines of its overlapping windows.

Lines of two windows are of one part if type and strand are equal, they overlap, and each border is the same
or is one at which a window ends before the other's line does. A part that is cut in every window is so put
together from its pieces. A part that is cut in one window and absent from a window that would show its end
is left out.

Windows of the forward and of the reverse strand are put together by themselves first, and a part that both
show is one. Where windows disagree, each votes for the borders that it shows, by the probability that the
model gave its line; of parts with equal votes, the one further from the ends of a window is right. A part is
left out if more windows that lie around it have nothing in its place than have something.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from genome_index.lab.annotate.corpus.target_text import TargetLine

ReadStrand = Literal["+", "-"]  # of the contig, that a window shows
STRANDS: tuple[ReadStrand, ...] = ("+", "-")
WindowId = tuple[ReadStrand, int]  # and the number of the window on it, in order of place
Gene = tuple[str, int, int]  # strand read, window (the same in each turn of a circle), number of a gene in it

SEEN_BP = 30  # bases within a window from which on an end would be shown
BIN_BP = 2_000  # as long as a few genes, so that a part has few neighbours to compare
SAME = 0.5  # of the shorter part's bases: two parts of one type and strand that share more exclude each other


@dataclass(frozen=True)
class WindowLines:
    """What was written about a window."""

    start: int  # 0-based on the contig
    end: int
    lines: Sequence[TargetLine]  # on the forward strand
    probabilities: Sequence[float] = ()  # that the model gave the lines; empty: 1 each
    strand: ReadStrand = "+"
    number: int | None = None  # of the window that this one repeats a turn away; None: it repeats none


@dataclass(frozen=True)
class Piece:
    """A line on its contig."""

    line: TargetLine
    window: WindowId
    start: int  # 0-based on the contig
    end: int
    margin: int  # bp from the nearer end of the window
    gene: Gene
    probability: float

    @property
    def votes(self) -> float:
        """Its probability for each border that it shows."""
        return self.probability * (2 - self.line.begins_before - self.line.ends_after)


@dataclass(frozen=True)
class Stitched:
    """A part with all its pieces."""

    pieces: tuple[Piece, ...]

    @cached_property
    def leftmost(self) -> Piece:
        return min(self.pieces, key=lambda piece: (piece.start, piece.line.begins_before))

    @cached_property
    def rightmost(self) -> Piece:
        return max(self.pieces, key=lambda piece: (piece.end, not piece.line.ends_after))

    @property
    def start(self) -> int:
        return self.leftmost.start

    @property
    def end(self) -> int:
        return self.rightmost.end

    @property
    def is_cut(self) -> bool:
        return self.leftmost.line.begins_before or self.rightmost.line.ends_after

    @property
    def first(self) -> Piece:
        """The piece with the 5' end, whose phase is that of the part."""
        return self.rightmost if self.leftmost.line.strand == "-" else self.leftmost

    @property
    def margin(self) -> int:
        return max(piece.margin for piece in self.pieces)

    @property
    def votes(self) -> float:
        return sum(piece.votes for piece in self.pieces)

    @cached_property
    def windows(self) -> frozenset[WindowId]:
        return frozenset(piece.window for piece in self.pieces)


def stitch(windows: Sequence[WindowLines]) -> list[Stitched]:
    """The parts of a contig by place; the windows of each strand are in order of place."""
    readings = [_Reading(strand, windows) for strand in STRANDS]
    shown = _united([_shown(reading.windows) for reading in readings])
    chosen = _ChosenParts()
    for part in sorted(shown, key=lambda part: (part.is_cut, -part.votes, -part.margin, part.start)):
        better = chosen.that_excludes(part)
        if better is None:
            chosen.add(part)
        else:
            better.heard.update(part.windows)
    return by_place(each.part for each in chosen.parts if not each.is_outvoted(readings))


class _Reading:
    """The windows of one strand, in order of place."""

    def __init__(self, strand: ReadStrand, windows: Sequence[WindowLines]) -> None:
        self.strand = strand
        self.windows = [window for window in windows if window.strand == strand]
        self._starts = [window.start for window in self.windows]
        self._longest = max((window.end - window.start for window in self.windows), default=0)

    def around(self, part: Stitched) -> Iterator[WindowId]:
        """The windows that would show all of a part."""
        first = bisect_left(self._starts, part.end - self._longest)
        last = bisect_right(self._starts, part.start - SEEN_BP)
        for number in range(first, last):
            if part.end <= self.windows[number].end - SEEN_BP:
                yield self.strand, number


@dataclass
class _Chosen:
    """A part, and the windows that have it or another one in its place."""

    part: Stitched
    heard: set[WindowId]

    def is_outvoted(self, readings: Iterable[_Reading]) -> bool:
        silent = [at for reading in readings for at in reading.around(self.part) if at not in self.heard]
        return len(silent) > len(self.heard)


class _ChosenParts:
    """Chosen parts in order of choice, found by place."""

    def __init__(self) -> None:
        self.parts: list[_Chosen] = []
        self._of_bin: dict[int, list[int]] = {}  # numbers of the parts over each BIN_BP of the contig

    def add(self, part: Stitched) -> None:
        for bin_number in _bins(part):
            self._of_bin.setdefault(bin_number, []).append(len(self.parts))
        self.parts.append(_Chosen(part, set(part.windows)))

    def that_excludes(self, part: Stitched) -> _Chosen | None:
        """The part that was chosen first of those that exclude another."""
        near = sorted({number for at in _bins(part) for number in self._of_bin.get(at, ())})
        return next((self.parts[at] for at in near if _excludes(self.parts[at].part, part)), None)


def _bins(part: Stitched) -> range:
    return range(part.start // BIN_BP, (part.end - 1) // BIN_BP + 1)


def _shown(windows: Sequence[WindowLines]) -> list[Stitched]:
    """The parts that windows of one strand show."""
    parts = [Stitched(tuple(group)) for group in _groups(list(_pieces(windows)))]
    return [part for part in parts if not _is_refuted(part, windows)]


def _united(readings: Iterable[Iterable[Stitched]]) -> list[Stitched]:
    """The parts of both strands; equal ones are one with the pieces of both."""
    pieces: dict[tuple[object, ...], tuple[Piece, ...]] = {}
    for parts in readings:
        equal = Counter[tuple[object, ...]]()  # of a strand: as many parts stay as many
        for part in parts:
            left, right = part.leftmost.line, part.rightmost.line
            key = left.type, left.strand, part.start, part.end, left.begins_before, right.ends_after
            equal[key] += 1
            same = *key, equal[key]
            pieces[same] = (*pieces.get(same, ()), *part.pieces)
    return [Stitched(own) for own in pieces.values()]


def by_place(parts: Iterable[Stitched]) -> list[Stitched]:
    """Parts in order of start, end and type."""
    return sorted(parts, key=lambda part: (part.start, part.end, part.leftmost.line.type))


def _pieces(windows: Sequence[WindowLines]) -> Iterator[Piece]:
    for number, window in enumerate(windows):
        probabilities = window.probabilities or [1.0] * len(window.lines)
        for line, probability in zip(window.lines, probabilities, strict=True):
            start, end = window.start + line.start, window.start + line.end
            margin = min(line.start, window.end - end)
            gene = window.strand, number if window.number is None else window.number, line.gene
            yield Piece(line, (window.strand, number), start, end, margin, gene, probability)


def _groups(pieces: list[Piece]) -> Iterable[list[Piece]]:
    """Pieces of one part each; a piece joins the group of the last one that agrees with it."""
    parents = list(range(len(pieces)))

    def root(at: int) -> int:
        while parents[at] != at:
            at = parents[at]
        return at

    for at, piece in enumerate(pieces):
        for other in range(at - 1, -1, -1):
            if pieces[other].window[1] < piece.window[1] - 1:
                break
            if _agree(pieces[other], piece):
                parents[root(at)] = root(other)
    groups: dict[int, list[Piece]] = {}
    for at, piece in enumerate(pieces):
        groups.setdefault(root(at), []).append(piece)
    return groups.values()


def _agree(left: Piece, right: Piece) -> bool:
    """Whether two lines of neighbouring windows are of one part."""
    a, b = left.line, right.line
    if left.window == right.window or (a.type, a.strand) != (b.type, b.strand):
        return False
    if min(left.end, right.end) <= max(left.start, right.start):
        return False
    starts = left.start == right.start or (b.begins_before and left.start < right.start)
    ends = left.end == right.end or (a.ends_after and right.end > left.end)
    return starts and ends


def _is_refuted(part: Stitched, windows: Sequence[WindowLines]) -> bool:
    """Whether a part that one window cut is absent from a window that would show an end of it."""
    if len(part.pieces) > 1 or not part.is_cut:
        return False
    piece = part.pieces[0]
    ends = [piece.start] if not piece.line.begins_before else []
    ends += [piece.end] if not piece.line.ends_after else []
    number = piece.window[1]
    others = [*windows[max(0, number - 1) : number], *windows[number + 1 : number + 2]]
    return any(window.start + SEEN_BP <= at <= window.end - SEEN_BP for at in ends for window in others)


def _excludes(a: Stitched, b: Stitched) -> bool:
    """Whether two parts cannot both be there: windows disagree about one."""
    ours, theirs = a.leftmost.line, b.leftmost.line
    if (ours.type, ours.strand) != (theirs.type, theirs.strand):
        return False
    shared = min(a.end, b.end) - max(a.start, b.start)
    if shared <= SAME * min(a.end - a.start, b.end - b.start):
        return False
    return not a.windows & b.windows
