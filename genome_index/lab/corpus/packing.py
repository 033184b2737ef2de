"""Codes of bases, and their packing into 2 bits a base: A 0, C 1, G 2, T 3, any other character 4.

The codes of two bases that pair sum up to 3. Other characters are stored as runs beside the bases and come
back as N: the IUPAC code, the case and the difference between T and U are lost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from genome_index.encoders.tokenizers.kmers import OTHER as OTHER  # the code of N and any other character
from genome_index.encoders.tokenizers.kmers import code_table

Codes = npt.NDArray[np.uint8]  # 0 to 4
Packed = npt.NDArray[np.uint8]  # four bases a byte, the first in the lowest bits
Runs = npt.NDArray[np.int64]  # (R, 2) start, end

BASES = np.frombuffer(b"ACGTN", np.uint8)
BASES_A_BYTE = 4

_CODES = code_table("ACGT")
_COMPLEMENT = np.array([3, 2, 1, 0, OTHER], np.uint8)
_UNPACKED = (np.arange(256)[:, None] >> np.array([0, 2, 4, 6]) & 3).astype(np.uint8)  # byte -> its four codes


def codes_of(sequence: bytes) -> Codes:
    """Sequence in either case -> (L,) codes.

    >>> codes_of(b"ACGTuNr").tolist()
    [0, 1, 2, 3, 3, 4, 4]
    """
    return _CODES[np.frombuffer(sequence, np.uint8)]


def bases_of(codes: Codes) -> bytes:
    """(L,) codes -> upper-case bases, N for any other character.

    >>> bases_of(codes_of(b"acgUr"))
    b'ACGTN'
    """
    return BASES[codes].tobytes()


def other_strand(codes: Codes) -> Codes:
    """The other strand, read in its own direction: (L,) -> (L,)."""
    return _COMPLEMENT[codes[::-1]]


def pack(codes: Codes) -> Packed:
    """(L,) -> (ceil(L / 4),); other characters are packed as A, and belong into `runs_of_other`."""
    padded = np.zeros(-(-len(codes) // BASES_A_BYTE) * BASES_A_BYTE, np.uint8)
    padded[: len(codes)] = codes & 3
    four = padded.reshape(-1, BASES_A_BYTE) << np.array([0, 2, 4, 6], np.uint8)
    return np.asarray(np.bitwise_or.reduce(four, axis=1), np.uint8)


def unpack(packed: Packed, start: int, end: int) -> Codes:
    """Bases `start` to `end` of those packed, other characters as A."""
    first = start // BASES_A_BYTE
    codes = _UNPACKED[packed[first : -(-end // BASES_A_BYTE)]].reshape(-1)
    return np.asarray(codes[start - first * BASES_A_BYTE : end - first * BASES_A_BYTE])


def runs_of_other(codes: Codes) -> Runs:
    """Runs of characters other than bases: (L,) -> (R, 2).

    >>> runs_of_other(codes_of(b"NNACGNT")).tolist()
    [[0, 2], [5, 6]]
    """
    other = np.zeros(len(codes) + 2, np.int8)
    other[1:-1] = codes == OTHER
    return np.flatnonzero(np.diff(other)).reshape(-1, 2)


def canonical_digest(contigs: Sequence[Codes]) -> str:
    """sha256 of a genome: the same for either strand of each contig, and for contigs in any order.

    Each contig enters by the strand that comes first in the alphabet, contigs in alphabetical order, each
    followed by a line end. A circular contig that is cut at another place has another digest.
    """
    strands = sorted(min(bases_of(codes), bases_of(other_strand(codes))) for codes in contigs)
    digest = hashlib.sha256()
    for bases in strands:
        digest.update(bases)
        digest.update(b"\n")
    return digest.hexdigest()
