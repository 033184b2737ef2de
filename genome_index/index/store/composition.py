"""What later pictures need of a genome whose file may be gone: its spectrum window by window, and its course.

The course is how many A, C, G and T each of 256 equal pieces holds; every DNA walk (Yau's 2D line, GC skew
...) is a running sum of weights over it. Contigs are taken one behind the other, as the file has them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import zstandard
from numba import njit

from genome_index.io.bases import is_base
from genome_index.records import Genome

WINDOWS = 32  # of equal length; 500 bp of a mitogenome
TETRAMERS = 136  # canonical 4-mers
PIECES = 256

Bytes = npt.NDArray[np.uint8]
Counts = npt.NDArray[np.uint32]


def encode_windows(genome: Genome) -> bytes:
    """The genome's windows as they are kept: (WINDOWS, TETRAMERS) counts, each scaled to at most 255."""
    counts = np.zeros((WINDOWS, TETRAMERS), np.uint32)
    at = 0
    for contig in genome.contigs:
        count_tetramers(np.frombuffer(contig.sequence, np.uint8), at, genome.length_bp, CANONICAL, counts)
        at += len(contig.sequence)
    scaled = counts * (255 / np.maximum(counts.max(axis=1, keepdims=True), 255))
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
def count_tetramers(sequence: Bytes, offset: int, total: int, canonical: Bytes, counts: Counts) -> None:
    """Add a contig's 4-mers to the windows in which they begin: (L,), (256,) -> (WINDOWS, TETRAMERS)."""
    code, run, window, end = 0, 0, -1, 0  # the window's number, and where in the contig it ends
    for i in range(sequence.size):
        while i - 3 >= end:
            window = (offset + i - 3) * WINDOWS // total if window < 0 else window + 1
            end = -((window + 1) * total // -WINDOWS) - offset
        letter = sequence[i]
        if is_base(letter):
            code = ((code << 2) | ((letter >> 1) & 3)) & 255
            run += 1
            if run >= 4:
                counts[window, canonical[code]] += np.uint32(1)
        else:
            run = 0


@njit(cache=True, nogil=True)
def count_bases_by_piece(sequence: Bytes, offset: int, total: int, counts: Counts) -> None:
    """Add a contig's bases to the pieces they lie in, in the order A, C, G, T: (L,), (PIECES, 4)."""
    piece, end = -1, 0  # the piece's number, and where in the contig it ends
    for i in range(sequence.size):
        while i >= end:
            piece = (offset + i) * PIECES // total if piece < 0 else piece + 1
            end = -((piece + 1) * total // -PIECES) - offset
        letter = sequence[i]
        if is_base(letter):
            code = (letter >> 1) & 3  # A 0, C 1, T 2, G 3
            counts[piece, code ^ (code >> 1)] += np.uint32(1)


def _canonical() -> Bytes:
    """A 4-mer and its reverse complement have one number: (256,) codes -> below TETRAMERS."""
    codes = np.arange(256)
    mirrored = np.zeros(256, np.int64)
    for place in range(4):
        mirrored = mirrored * 4 + ((codes >> (2 * place)) & 3 ^ 2)
    number = np.unique(np.minimum(codes, mirrored), return_inverse=True)[1]
    return np.asarray(number, np.uint8)


CANONICAL = _canonical()
