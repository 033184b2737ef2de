"""Bases of a record: nucleotide codes are checked, and A, C, G, T, U counted."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from genome_index.records import Contig, Taxon

IUPAC = b"ACGTUNRYSWKMBDHVacgtunryswkmbdhv"
WHITE_SPACE = b"\r\n\t \v\f"
GAPS_TO_N = bytes.maketrans(b"-.", b"NN")  # without the gap its flanks would form k-mers that do not exist


class FileRecord(NamedTuple):
    """One record of a file, with the reason why it cannot be used."""

    contig: Contig
    taxon: Taxon
    reason: str = ""  # empty if it can be used


NO_TAXON = Taxon()  # of every FASTA record


def checked_record(contig: Contig, taxon: Taxon) -> FileRecord:
    """The record without white space, gaps as N; a character that is not a nucleotide code is an error."""
    sequence = contig.sequence
    if count_bases(np.frombuffer(sequence, np.uint8)) == len(sequence):
        return FileRecord(contig, taxon)
    sequence = sequence.translate(GAPS_TO_N, WHITE_SPACE)
    return FileRecord(Contig(contig.name, sequence), taxon, _complaint(contig.name, sequence))


def _complaint(name: str, sequence: bytes) -> str:
    others = sequence.translate(None, IUPAC)
    if not others:
        return ""
    shown = ", ".join(repr(chr(code)) for code in sorted(set(others))[:6])
    cure = (
        "this looks like protein, gindex reads nucleotides"
        if others[:1].isalpha()
        else "is it a sequence file?"
    )
    return f"record {name!r} has {shown}, which are not nucleotide codes; {cure}"


@njit(cache=True, nogil=True)
def count_bases(sequence: npt.NDArray[np.uint8]) -> int:
    """The number of A, C, G, T and U, in either case: (L,) -> int.

    Summed in single bytes, 128 at a time, which the processor does for many bases at once.
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
def is_base(code: np.uint8) -> np.uint8:
    """1 for the ASCII code of A, C, G, T or U, in either case; 0 for any other."""
    code |= np.uint8(32)
    return np.uint8((code == 97) | (code == 99) | (code == 103) | (code == 116) | (code == 117))


@njit(cache=True, nogil=True)
def mark_bases(sequence: npt.NDArray[np.uint8], marks: npt.NDArray[np.uint8]) -> None:
    """Write 1 to `marks` for each A, C, G, T or U, 0 for any other code: (L,), (L,)."""
    for i in range(sequence.size):
        marks[i] = is_base(sequence[i])
