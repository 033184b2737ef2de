"""Bases of a record: which letters are nucleotides, checked and counted."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from genome_index.records import Contig, Taxon

IUPAC = b"ACGTUNRYSWKMBDHVacgtunryswkmbdhv"
WHITE_SPACE = b"\r\n\t \v\f"
GAPS_TO_N = bytes.maketrans(b"-.", b"NN")  # deleting a gap would join its flanks into words that do not exist


class FileRecord(NamedTuple):
    """One record of a file."""

    contig: Contig
    taxon: Taxon
    wrong: str = ""  # why it cannot be used; nothing if it can


UNSAID = Taxon()  # what FASTA says of taxonomy


def checked_record(contig: Contig, taxon: Taxon) -> FileRecord:
    """The record with white space taken out and gaps made N; what is no nucleotide is wrong."""
    sequence = contig.sequence
    if count_bases(np.frombuffer(sequence, np.uint8)) == len(sequence):
        return FileRecord(contig, taxon)
    sequence = sequence.translate(GAPS_TO_N, WHITE_SPACE)
    return FileRecord(Contig(contig.name, sequence), taxon, _complaint(contig.name, sequence))


def _complaint(name: str, sequence: bytes) -> str:
    strange = sequence.translate(None, IUPAC)
    if not strange:
        return ""
    found = ", ".join(repr(chr(letter)) for letter in sorted(set(strange))[:6])
    protein = (
        "; this looks like protein, gindex reads nucleotides"
        if strange[:1].isalpha()
        else "; is it a sequence file?"
    )
    return f"record {name!r} holds {found}, which are no nucleotide codes{protein}"


@njit(cache=True, nogil=True)
def count_bases(sequence: npt.NDArray[np.uint8]) -> int:
    """How many letters are A, C, G, T or U, in either case: (L,) -> int.

    Added up in single bytes, 128 at a time, which the processor does on many letters at once.
    """
    bases, whole = 0, sequence.size // 128 * 128
    for start in range(0, whole, 128):
        some = np.uint8(0)
        for i in range(start, start + 128):
            some = np.uint8(some + is_base(sequence[i]))
        bases += int(some)
    for i in range(whole, sequence.size):
        bases += int(is_base(sequence[i]))
    return bases


@njit(cache=True, nogil=True)
def is_base(letter: np.uint8) -> np.uint8:
    """1 for A, C, G, T and U, in either case; 0 for any other letter."""
    letter |= np.uint8(32)
    found = (letter == 97) | (letter == 99) | (letter == 103) | (letter == 116) | (letter == 117)
    return np.uint8(found)


@njit(cache=True, nogil=True)
def mark_bases(sequence: npt.NDArray[np.uint8], marks: npt.NDArray[np.uint8]) -> None:
    """Which letters are bases, as 1 and 0: (L,), (L,)."""
    for i in range(sequence.size):
        marks[i] = is_base(sequence[i])
