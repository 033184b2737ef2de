"""Windows over contigs, never across ambiguous bases; the reverse complement."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from genome_index.records import Chunk, Contig, Genome

NOT_A_BASE = re.compile(rb"[^ACGTUacgtu]+")
COMPLEMENT = bytes.maketrans(b"ACGTUacgtuRYKMBVDHrykmbvdh", b"TGCAAtgcaaYRMKVBHDyrmkvbhd")


def reverse_complement(sequence: bytes) -> bytes:
    """The other strand in its own direction; IUPAC codes are complemented too.

    >>> reverse_complement(b"AACGTN")
    b'NACGTT'
    """
    return sequence.translate(COMPLEMENT)[::-1]


def iter_chunks(genome: Genome, chunk_bp: int, step_bp: int) -> Iterator[Chunk]:
    """Windows of `chunk_bp` every `step_bp` over each run of bases; the last one of a run may be shorter.

    >>> genome = Genome("g", (Contig("c", b"ACGTACGNNAC"),), "-")
    >>> [(chunk.start, chunk.end) for chunk in iter_chunks(genome, chunk_bp=4, step_bp=4)]
    [(0, 4), (4, 7), (9, 11)]
    """
    for number, contig in enumerate(genome.contigs):
        for start, end in _runs(contig):
            for at in range(start, end, step_bp):
                stop = min(at + chunk_bp, end)
                yield Chunk(number, at, stop, contig.sequence[at:stop])
                if stop == end:
                    break


def drawn_window(lengths_bp: Sequence[int], window_bp: int, draws: np.random.Generator) -> tuple[int, int]:
    """A contig drawn by its length, and the start of a window in it; 0 where the contig is shorter."""
    lengths = np.array(lengths_bp)
    contig = int(draws.choice(len(lengths), p=lengths / lengths.sum()))
    return contig, int(draws.integers(max(1, int(lengths[contig]) - window_bp + 1)))


def _runs(contig: Contig) -> Iterator[tuple[int, int]]:
    """Start and end of each run of A, C, G, T or U."""
    start = 0
    for gap in NOT_A_BASE.finditer(contig.sequence):
        if gap.start() > start:
            yield start, gap.start()
        start = gap.end()
    if start < len(contig.sequence):
        yield start, len(contig.sequence)
