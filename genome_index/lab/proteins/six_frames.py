"""Six frames: all stretches between stop codons of both strands, as if each were a protein."""

from __future__ import annotations

from collections.abc import Iterator

from genome_index.io.sequence import reverse_complement
from genome_index.lab.genetic_codes import CODON, STOP, UNKNOWN, translate

LEAST_RESIDUES = 30
"""Residues of the shortest stretch. Prodigal's shortest gene has 90 bp, a codon more than 29 residues. Of the
stretches in random sequence 24 % reach 30 residues, (61/64)^30, and of true genes nearly all.
"""


def six_frames(sequence: bytes, code: int, least: int = LEAST_RESIDUES) -> Iterator[bytes]:
    """The stretches from stop to stop, or to an end of the sequence, with at least so many known residues.

    The sequence is not closed to a circle: a gene across the ends gives two stretches.

    >>> list(six_frames(b"ATGAAATAACC", 11, least=2))
    [b'MK', b'NN', b'EIT', b'GYF', b'VIS', b'LFH']
    """
    for strand in (sequence, reverse_complement(sequence)):
        for frame in range(CODON):
            for stretch in translate(strand[frame:], code).split(STOP):
                if len(stretch) - stretch.count(UNKNOWN) >= least:
                    yield stretch
