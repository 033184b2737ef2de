"""What later pictures need of a genome whose file may be gone: its spectrum window by window, and its course.

The course is how many A, C, G and T each of 256 equal pieces holds; every DNA walk (Yau's 2D line, GC skew
...) is a running sum of weights over it. Contigs are taken one behind the other, as the file has them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import zstandard
from numba import njit

from genome_index.records import Genome

WINDOWS = 32  # of equal length; 500 bp of a mitogenome
TETRAMERS = 136  # canonical 4-mers
PIECES = 256

Bytes = npt.NDArray[np.uint8]
Counts = npt.NDArray[np.uint32]


def encode_windows(genome: Genome) -> bytes:
    """The genome's windows as they are kept: (WINDOWS, TETRAMERS) counts, each scaled to at most 255."""
    counts = np.zeros((WINDOWS, 256), np.uint32)
    at = 0
    for contig in genome.contigs:
        count_tetramers(np.frombuffer(contig.sequence, np.uint8), at, genome.length_bp, counts)
        at += len(contig.sequence)
    canonical = counts @ FOLD
    scaled = canonical * (255 / np.maximum(canonical.max(axis=1, keepdims=True), 255))
    return zstandard.compress(np.round(scaled).astype(np.uint8).tobytes(), 1)


def decode_windows(blob: bytes) -> npt.NDArray[np.float32]:
    """Frequencies of canonical 4-mers in each window: (WINDOWS, TETRAMERS); a row of zeros where all is N."""
    kept = np.frombuffer(zstandard.decompress(blob), np.uint8)
    counts = kept.reshape(WINDOWS, TETRAMERS).astype(np.float32)
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))


def encode_course(genome: Genome) -> bytes:
    counts = np.zeros((PIECES, 4), np.uint32)
    at = 0
    for contig in genome.contigs:
        count_bases_by_piece(np.frombuffer(contig.sequence, np.uint8), at, genome.length_bp, counts)
        at += len(contig.sequence)
    return zstandard.compress(counts.tobytes(), 1)


def decode_course(blob: bytes) -> Counts:
    """How many A, C, G and T each piece of the genome holds: (PIECES, 4)."""
    return np.frombuffer(zstandard.decompress(blob), np.uint32).reshape(PIECES, 4)


def yau_line(course: Counts) -> npt.NDArray[np.float64]:
    """Yau's 2D line at the ends of the pieces: (PIECES, 4) -> (PIECES, 2), x and y in steps of length 1.

    A (1/2, -sqrt 3/2), C (sqrt 3/2, 1/2), G (sqrt 3/2, -1/2), T (1/2, sqrt 3/2): Yau et al. 2003, NAR
    31:3078.
    """
    half, root = 0.5, np.sqrt(3) / 2
    steps = np.array([(half, -root), (root, half), (root, -half), (half, root)])
    return np.asarray(np.cumsum(course.astype(np.float64), axis=0) @ steps)


@njit(cache=True, nogil=True)
def count_tetramers(sequence: Bytes, offset: int, total: int, counts: Counts) -> None:
    """Add a contig's 4-mers to the windows in which they begin: (L,), (WINDOWS, 256)."""
    code, run = 0, 0
    for i in range(sequence.size):
        letter = sequence[i] | np.uint8(32)
        if (letter == 97) | (letter == 99) | (letter == 103) | (letter == 116) | (letter == 117):
            code = ((code << 2) | ((letter >> 1) & 3)) & 255
            run += 1
            if run >= 4:
                counts[(offset + i - 3) * WINDOWS // total, code] += np.uint32(1)
        else:
            run = 0


@njit(cache=True, nogil=True)
def count_bases_by_piece(sequence: Bytes, offset: int, total: int, counts: Counts) -> None:
    """Add a contig's bases to the pieces they lie in, in the order A, C, G, T: (L,), (PIECES, 4)."""
    for i in range(sequence.size):
        letter = sequence[i] | np.uint8(32)
        if (letter == 97) | (letter == 99) | (letter == 103) | (letter == 116) | (letter == 117):
            code = (letter >> 1) & 3  # A 0, C 1, T 2, G 3
            counts[(offset + i) * PIECES // total, code ^ (code >> 1)] += np.uint32(1)


def _fold() -> Counts:
    """Sums a 4-mer and its reverse complement: (256, TETRAMERS) of zeros and ones."""
    codes = np.arange(256)
    mirrored = np.zeros(256, np.int64)
    for place in range(4):
        mirrored = mirrored * 4 + ((codes >> (2 * place)) & 3 ^ 2)
    number = np.unique(np.minimum(codes, mirrored), return_inverse=True)[1]
    return np.asarray(number[:, None] == np.arange(TETRAMERS), np.uint32)


FOLD = _fold()
