"""Chaos game representation: counts of the k-mers of a genome, each at its own place in a square.

Jeffrey 1990, NAR 18:2163. Corners A (0, 0), C (0, 1), G (1, 1), T (1, 0); a point is halfway between the last
one and the corner of its base, so the last base is the most significant bit of a cell's number. After a
character that is no base, and at the start of a contig, k - 1 points are left out.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from genome_index.index.store.composition import CANONICAL, TETRAMERS
from genome_index.io.bases import is_base
from genome_index.io.kernels.kernel import kernel
from genome_index.records import Genome

Bytes = npt.NDArray[np.uint8]
Cells = npt.NDArray[np.uint32]

LEAST_K, MOST_K = 4, 8  # 16 to 256 cells a side
A_CELL = 3  # least number of bases for each cell; with fewer the figure is noise


def fcgr(genome: Genome, k: int) -> Cells:
    """Counts of k-mers on the given strand: (2^k, 2^k), [y, x].

    >>> from genome_index.records import Contig
    >>> np.argwhere(fcgr(Genome("g", (Contig("c", b"TACG"),), "-"), 3)).tolist()  # TAC (1, 4), ACG (4, 6)
    [[4, 1], [6, 4]]
    """
    cells = np.zeros((1 << k, 1 << k), np.uint32)
    for contig in genome.contigs:
        _count_points(np.frombuffer(contig.sequence, np.uint8), k, cells)
    return cells


@kernel
def _count_points(sequence: Bytes, k: int, cells: Cells) -> None:
    """Add the points of a contig: (L,), (2^k, 2^k). Bits 2 and 1 of an ASCII base: x and y of its corner."""
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

    Frequencies with equal weight of each window: what the index stores of a large genome.
    """
    frequency = windows.mean(axis=0, dtype=np.float64)
    codes = np.arange(256)  # two bits a base, the first of them highest: A 0, C 1, T 2, G 3
    letters = codes[:, None] >> np.array([6, 4, 2, 0]) & 3
    x, y = ((letters >> bit & 1) @ (1 << np.arange(4)) for bit in (1, 0))
    shared = np.bincount(CANONICAL, minlength=TETRAMERS)[CANONICAL]  # k-mers of this number; palindrome: 1
    cells = np.zeros((16, 16))
    cells[y, x] = frequency[CANONICAL] * np.where(shared == 1, 2, 1)
    return cells


def k_for(length_bp: int) -> int:
    """The largest k for which a genome has A_CELL bases for each cell.

    >>> [k_for(length) for length in (600, 3_215, 16_569, 70_000, 5_000_000)]
    [4, 5, 6, 7, 8]
    """
    k = LEAST_K
    while k < MOST_K and A_CELL * 4 ** (k + 1) <= length_bp:
        k += 1
    return k


def _bits_reversed(size: int) -> npt.NDArray[np.int64]:
    """The numbers below a power of two with their bits reversed: (M,)."""
    numbers, turned = np.arange(size), np.zeros(size, np.int64)
    for _ in range(size.bit_length() - 1):
        numbers, turned = numbers >> 1, turned << 1 | numbers & 1
    return turned
