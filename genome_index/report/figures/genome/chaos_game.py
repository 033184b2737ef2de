"""Chaos game representation: which words of k bases a genome holds, each at a place of its own in a square.

Jeffrey 1990, NAR 18:2163. Corners A (0, 0), C (0, 1), G (1, 1), T (1, 0); a point is halfway between the last
one and the corner of its base, so the last base is the most significant bit of a cell's number. A letter that
is no base, and the end of a contig, start anew: the next k - 1 points are left out.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from genome_index.index.store.composition import CANONICAL, TETRAMERS
from genome_index.io.bases import is_base
from genome_index.records import Genome

Bytes = npt.NDArray[np.uint8]
Cells = npt.NDArray[np.uint32]

LEAST_K, MOST_K = 4, 8  # 16 to 256 cells a side
A_CELL = 3  # bases for each cell at least; with fewer the picture is salt and pepper


def fcgr(genome: Genome, k: int) -> Cells:
    """How often each k-mer occurs on the strand that is given: (2^k, 2^k), [y, x].

    >>> from genome_index.records import Contig
    >>> np.argwhere(fcgr(Genome("g", (Contig("c", b"TACG"),), "-"), 3)).tolist()  # TAC (1, 4), ACG (4, 6)
    [[4, 1], [6, 4]]
    """
    cells = np.zeros((1 << k, 1 << k), np.uint32)
    for contig in genome.contigs:
        _count_points(np.frombuffer(contig.sequence, np.uint8), k, cells)
    return cells


@njit(cache=True, nogil=True)
def _count_points(sequence: Bytes, k: int, cells: Cells) -> None:
    """Add a contig's points: (L,), (2^k, 2^k). Bits 2 and 1 of an ASCII letter are its corner's x and y."""
    x, y, run = 0, 0, 0
    for i in range(sequence.size):
        letter = sequence[i]
        if is_base(letter):
            x = x >> 1 | ((letter >> 2) & 1) << (k - 1)
            y = y >> 1 | ((letter >> 1) & 1) << (k - 1)
            run += 1
            if run >= k:
                cells[y, x] += np.uint32(1)
        else:
            run = 0


def reverse_complemented(cells: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """The FCGR of the other strand: mirrored in x (complement), bits of both numbers reversed: (M, M)."""
    turned = _bits_reversed(len(cells))
    return cells[np.ix_(turned, len(cells) - 1 - turned)]


def fcgr_of_windows(windows: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """The FCGR of 4-mers, both strands added, from `composition.decode_windows`: (W, 136) -> (16, 16).

    Frequencies, each window of the same weight: all that is left of a large genome without its file.
    """
    frequency = windows.mean(axis=0, dtype=np.float64)
    codes = np.arange(256)  # two bits a base, the first of them highest: A 0, C 1, T 2, G 3
    letters = codes[:, None] >> np.array([6, 4, 2, 0]) & 3
    x, y = ((letters >> bit & 1) @ (1 << np.arange(4)) for bit in (1, 0))
    shared = np.bincount(CANONICAL, minlength=TETRAMERS)[CANONICAL]  # words with this number; a palindrome: 1
    cells = np.zeros((16, 16))
    cells[y, x] = frequency[CANONICAL] * np.where(shared == 1, 2, 1)
    return cells


def k_for(length_bp: int) -> int:
    """The longest words that a genome still fills a picture with.

    >>> [k_for(length) for length in (600, 3_215, 16_569, 70_000, 5_000_000)]
    [4, 5, 6, 7, 8]
    """
    k = LEAST_K
    while k < MOST_K and A_CELL * 4 ** (k + 1) <= length_bp:
        k += 1
    return k


def _bits_reversed(size: int) -> npt.NDArray[np.int64]:
    """Each number below a power of two with its bits in the other order: (M,)."""
    numbers, turned = np.arange(size), np.zeros(size, np.int64)
    for _ in range(size.bit_length() - 1):
        numbers, turned = numbers >> 1, turned << 1 | numbers & 1
    return turned
