"""Chunks of tokens that a language model reads of a genome, on both strands.

A stretch is a run of bases within a contig: chunks cross neither the end of a contig nor an N. Each stretch
is tokenized from its start on each strand, and cut into as few chunks of equal size as the model allows. So a
genome and its reverse complement have the same chunks, with the strands exchanged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from genome_index.encoders.protocol import Ids, Tokenizer
from genome_index.io.sequence import iter_chunks, reverse_complement
from genome_index.records import Contig, Genome

LEAST_BP = 20  # a shorter stretch between two N has three six-mers without context
UNREAD = f"it has nothing that a language model reads, no stretch of {LEAST_BP} bases without an N"
WHOLE = 1 << 60  # bp; no stretch is longer


@dataclass(frozen=True)
class Grid:
    """The C chunks of one genome, those of the forward strands first."""

    ids: tuple[Ids, ...]  # (C,) arrays of (T,), no special ids
    run: npt.NDArray[np.int64]  # (C,) a number for each contig and strand; chunks of a run are consecutive
    share_read: float  # of the tokens, 1.0 where no windows were sampled

    @cached_property
    def tokens(self) -> npt.NDArray[np.int64]:
        """The number of tokens in each chunk: (C,)."""
        return np.array([len(chunk) for chunk in self.ids], np.int64)


def grid_of(genome: Genome, tokenizer: Tokenizer, most_tokens: int, windows: int = 0) -> Grid:
    """Cut a genome into chunks of at most `most_tokens`; with `windows`, only so many of each strand.

    Where windows are sampled, contigs are ordered by length and content, so that neither their order in the
    file nor their strand changes which windows are read.
    """
    contigs = list(enumerate(genome.contigs))
    if windows:
        contigs.sort(key=lambda numbered: _order_key(numbered[1]))
    chosen: list[tuple[int, Ids]] = []
    total = read = 0
    for strand in (0, 1):
        chunks = [
            (2 * number + strand, ids)
            for number, contig in contigs
            for ids in _chunks(contig, strand, tokenizer, most_tokens)
        ]
        sampled = [chunks[at] for at in evenly(len(chunks), windows)]
        if windows:  # a window is a view of its whole stretch's tokens, which are freed
            sampled = [(run, ids.copy()) for run, ids in sampled]
        total += sum(len(ids) for _, ids in chunks)
        read += sum(len(ids) for _, ids in sampled)
        chosen += sampled
    runs = np.array([run for run, _ in chosen], np.int64)
    return Grid(tuple(ids for _, ids in chosen), runs, read / total if total else 0.0)


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
    readable = any(True for contig in genome.contigs for _ in _stretches(contig))
    return "" if readable else f"{UNREAD}; leave it out"


def _stretches(contig: Contig) -> Iterator[bytes]:
    for chunk in iter_chunks(Genome("", (contig,), ""), WHOLE, WHOLE):
        if len(chunk.sequence) >= LEAST_BP:
            yield chunk.sequence.upper().replace(b"U", b"T")


def _chunks(contig: Contig, strand: int, tokenizer: Tokenizer, most_tokens: int) -> Iterator[Ids]:
    stretches = list(_stretches(contig))
    if strand:
        stretches = [reverse_complement(stretch) for stretch in reversed(stretches)]
    for stretch in stretches:
        ids = tokenizer.token_ids(stretch)
        yield from np.array_split(ids, -(-len(ids) // most_tokens))


def _order_key(contig: Contig) -> tuple[int, bytes]:
    """Longest first; the same for either strand."""
    forward = contig.sequence.upper().replace(b"U", b"T")
    canonical = min(forward, reverse_complement(forward))
    return -len(forward), hashlib.sha256(canonical).digest()
