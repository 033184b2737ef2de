"""Chunks of tokens that a language model reads of a genome, on both strands or on the forward one alone.

A stretch is a run of bases within a contig: chunks cross neither the end of a contig nor an N. Each stretch
is tokenized from its start on each strand, and cut into as few chunks of equal size as the model allows. So a
genome and its reverse complement have the same chunks, with the strands exchanged.

Where windows are sampled, they are chosen before anything is tokenized: by the place of each token where that
does not depend on the bases (k-mers, characters), else by bases.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from genome_index.encoders.protocol import Ids, Layout, Tokenizer
from genome_index.io.sequence import iter_chunks, reverse_complement
from genome_index.records import Contig, Genome
from genome_index.spec import Reading

LEAST_BP = 20  # a shorter stretch between two N has three six-mers without context
UNREAD = f"it has nothing that a language model reads, no stretch of {LEAST_BP} bases without an N"
WHOLE = 1 << 60  # bp; no stretch is longer


@dataclass(frozen=True)
class Stretch:
    """A run of bases of a contig, read on one strand."""

    contig: int
    strand: int  # 0 as given, 1 the reverse complement
    start: int  # of its first base on the contig, as given
    forward: bytes  # A, C, G and T as given

    def bases(self, start: int, end: int) -> bytes:
        """A part of it, in the direction of its strand."""
        if not self.strand:
            return self.forward[start:end]
        return reverse_complement(self.forward[len(self.forward) - end : len(self.forward) - start])

    def part(self, start: int, end: int) -> Stretch:
        """A part of it as a stretch of its own."""
        first, last = self.on_contig(start, end)
        forward = self.forward[first - self.start : last - self.start]
        return Stretch(self.contig, self.strand, first, forward)

    def on_contig(self, start: int, end: int) -> tuple[int, int]:
        """Where a part of it lies on the contig as given."""
        if not self.strand:
            return self.start + start, self.start + end
        return self.start + len(self.forward) - end, self.start + len(self.forward) - start

    @property
    def run(self) -> int:
        """A number for each contig and strand."""
        return 2 * self.contig + self.strand


@dataclass(frozen=True)
class Chunk:
    """Tokens `first` to `first` + T of a stretch."""

    stretch: Stretch
    first: int
    ids: Ids  # (T,), no special ids


@dataclass(frozen=True)
class Grid:
    """The C chunks of one genome, those of the forward strands first."""

    chunks: tuple[Chunk, ...]
    share_read: (
        float  # of the tokens (of the bases, by byte-pair encoding); 1.0 where no windows were sampled
    )

    @cached_property
    def ids(self) -> tuple[Ids, ...]:
        """(C,) arrays of (T,), no special ids."""
        return tuple(chunk.ids for chunk in self.chunks)

    @cached_property
    def run(self) -> npt.NDArray[np.int64]:
        """(C,) a number for each contig and strand; chunks of a run are consecutive."""
        return np.array([chunk.stretch.run for chunk in self.chunks], np.int64)

    @cached_property
    def tokens(self) -> npt.NDArray[np.int64]:
        """The number of tokens in each chunk: (C,)."""
        return np.array([len(chunk) for chunk in self.ids], np.int64)


def grid_of(
    genome: Genome, tokenizer: Tokenizer, most_tokens: int, windows: int = 0, strands: str = Reading.strands
) -> Grid:
    """Cut a genome into chunks of at most `most_tokens`; with `windows`, only so many of each strand.

    Where windows are sampled, contigs are ordered by length and content, so that neither their order in the
    file nor their strand changes which windows are read.
    """
    contigs = list(enumerate(genome.contigs))
    if windows:
        contigs.sort(key=lambda numbered: _order_key(numbered[1]))
    forward = [stretch for number, contig in contigs for stretch in _stretches(contig, number)]
    chunks: list[Chunk] = []
    read = total = 0
    for stretches in (forward, _turned(forward))[: 1 if strands == "forward" else 2]:
        found, read_here, total_here = _chunks(stretches, tokenizer, most_tokens, windows)
        chunks += found
        read, total = read + read_here, total + total_here
    return Grid(tuple(chunks), read / total if total else 0.0)


def spans(grid: Grid, tokenizer: Tokenizer) -> list[tuple[int, int]]:
    """Where each chunk lies on its contig as given: C of start and end in bp, 0-based, half-open."""
    found: list[tuple[int, int]] = []
    last, starts = None, np.empty(0, np.int64)
    for chunk in grid.chunks:
        stretch, end = chunk.stretch, chunk.first + len(chunk.ids)
        length = len(stretch.forward)
        if tokenizer.layout is not None:
            bases = tokenizer.layout.bases_of(length, chunk.first, end)
        else:
            if stretch is not last:
                last, starts = stretch, tokenizer.starts(stretch.bases(0, length))
            bases = int(starts[chunk.first]), int(starts[end]) if end < len(starts) else length
        found.append(stretch.on_contig(*bases))
    return found


def evenly(count: int, wanted: int) -> Sequence[int]:
    """`wanted` positions out of `count`, spread evenly; all positions if `wanted` is 0 or `count` or more.

    >>> evenly(10, 3)
    [1, 5, 8]
    """
    if not wanted or count <= wanted:
        return range(count)
    return [int((2 * at + 1) * count / (2 * wanted)) for at in range(wanted)]


def unread(genome: Genome) -> str:
    """The reason why a language model cannot read a genome; "" if it can."""
    readable = any(True for contig in genome.contigs for _ in _stretches(contig, 0))
    return "" if readable else f"{UNREAD}; leave it out"


def _stretches(contig: Contig, number: int) -> Iterator[Stretch]:
    """The stretches of a contig on the strand as given."""
    for chunk in iter_chunks(Genome("", (contig,), ""), WHOLE, WHOLE):
        if len(chunk.sequence) >= LEAST_BP:
            yield Stretch(number, 0, chunk.start, chunk.sequence.upper().replace(b"U", b"T"))


def _turned(forward: Sequence[Stretch]) -> list[Stretch]:
    """The same stretches on the other strand: contigs in the same order, those of each from its end."""
    contigs: dict[int, list[Stretch]] = {}
    for stretch in forward:
        contigs.setdefault(stretch.contig, []).append(stretch)
    return [Stretch(one.contig, 1, one.start, one.forward) for some in contigs.values() for one in some[::-1]]


def _chunks(
    stretches: Sequence[Stretch], tokenizer: Tokenizer, most_tokens: int, windows: int
) -> tuple[list[Chunk], int, int]:
    """The chunks of one strand, and how much of how much that is, in tokens or bases."""
    if windows and tokenizer.layout is not None:
        return _planned(stretches, tokenizer, tokenizer.layout, most_tokens, windows)
    window_bp = tokenizer.window_bp(most_tokens) if windows else 0
    if window_bp and sum(-(-len(one.forward) // window_bp) for one in stretches) > windows:
        return _by_bases(stretches, tokenizer, most_tokens, windows, window_bp)
    chunks = [chunk for stretch in stretches for chunk in _whole(stretch, tokenizer, most_tokens)]
    sampled = [chunks[at] for at in evenly(len(chunks), windows)]
    if windows:  # a window is a view of its whole stretch's tokens, which are freed
        sampled = [Chunk(one.stretch, one.first, one.ids.copy()) for one in sampled]
    return sampled, sum(len(one.ids) for one in sampled), sum(len(one.ids) for one in chunks)


def _whole(stretch: Stretch, tokenizer: Tokenizer, most_tokens: int) -> Iterator[Chunk]:
    """All chunks of a stretch, tokenized at once."""
    ids = tokenizer.token_ids(stretch.bases(0, len(stretch.forward)))
    for first, end in _parts(len(ids), most_tokens):
        yield Chunk(stretch, first, ids[first:end])


def _planned(
    stretches: Sequence[Stretch], tokenizer: Tokenizer, layout: Layout, most_tokens: int, windows: int
) -> tuple[list[Chunk], int, int]:
    """The same chunks as of whole stretches, but only the chosen ones are tokenized."""
    counts = [layout.count(len(stretch.forward)) for stretch in stretches]
    plan = [
        (stretch, first, end)
        for stretch, count in zip(stretches, counts, strict=True)
        for first, end in _parts(count, most_tokens)
    ]
    chunks = []
    for stretch, first, end in (plan[at] for at in evenly(len(plan), windows)):
        part = stretch.part(*layout.bases_of(len(stretch.forward), first, end))
        ids = tokenizer.token_ids(part.bases(0, len(part.forward)))
        chunks.append(Chunk(part, 0, ids if len(ids) == end - first else ids[: end - first].copy()))
    return chunks, sum(len(one.ids) for one in chunks), sum(counts)


def _by_bases(
    stretches: Sequence[Stretch], tokenizer: Tokenizer, most_tokens: int, windows: int, window_bp: int
) -> tuple[list[Chunk], int, int]:
    """Windows of at most `window_bp` bases; of one that has too many tokens, the first `most_tokens`."""
    plan = [
        (stretch, start, end)
        for stretch in stretches
        for start, end in _parts(len(stretch.forward), window_bp)
    ]
    chunks, read = [], 0
    for stretch, start, end in (plan[at] for at in evenly(len(plan), windows)):
        part = stretch.part(start, end)
        bases = part.bases(0, len(part.forward))
        ids = tokenizer.token_ids(bases)
        chunks.append(Chunk(part, 0, ids[:most_tokens]))
        read += int(tokenizer.starts(bases)[most_tokens]) if len(ids) > most_tokens else end - start
    return chunks, read, sum(len(stretch.forward) for stretch in stretches)


def _parts(count: int, most: int) -> Iterator[tuple[int, int]]:
    """As few parts of equal size as there can be, the larger ones first: numpy's `array_split`."""
    parts = -(-count // most)
    size, larger = divmod(count, parts) if parts else (0, 0)
    for number in range(parts):
        start = number * size + min(number, larger)
        yield start, start + size + (number < larger)


def _order_key(contig: Contig) -> tuple[int, bytes]:
    """Longest first; the same for either strand."""
    forward = contig.sequence.upper().replace(b"U", b"T")
    canonical = min(forward, reverse_complement(forward))
    return -len(forward), hashlib.sha256(canonical).digest()
