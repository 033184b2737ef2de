"""Composition along a genome, for figures after its file is gone: 4-mers by window, bases by piece.

The course of a genome is the number of A, C, G and T in each of 256 equal pieces; every DNA walk (Yau's 2D
line, GC skew ...) is a cumulative sum of weights over it. Contigs follow each other in the order of the file.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import zstandard

from genome_index.io.bases import is_base
from genome_index.io.kernels.kernel import kernel
from genome_index.records import Genome

WINDOWS = 32  # of equal length; 500 bp each in a mitogenome
TETRAMERS = 136  # canonical 4-mers
PIECES = 256

Bytes = npt.NDArray[np.uint8]
Counts = npt.NDArray[np.uint32]


def encode_windows(genome: Genome) -> bytes:
    """The genome's windows as a blob: (WINDOWS, TETRAMERS) counts, each window scaled to at most 255."""
    counts = np.zeros((WINDOWS, TETRAMERS), np.uint32)
    at = 0
    for contig in genome.contigs:
        count_tetramers(np.frombuffer(contig.sequence, np.uint8), at, genome.length_bp, CANONICAL, counts)
        at += len(contig.sequence)
    scaled = counts * (255 / np.maximum(counts.max(axis=1, keepdims=True), 255))
    return zstandard.compress(np.round(scaled).astype(np.uint8).tobytes(), 1)


def decode_windows(blob: bytes) -> npt.NDArray[np.float32]:
    """Frequencies of canonical 4-mers in each window: (WINDOWS, TETRAMERS); zeros where all bases are N."""
    scaled = np.frombuffer(zstandard.decompress(blob), np.uint8)
    counts = scaled.reshape(WINDOWS, TETRAMERS).astype(np.float32)
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))


def encode_course(genome: Genome) -> bytes:
    """The genome's course as a blob: (PIECES, 4) counts."""
    counts = np.zeros((PIECES, 4), np.uint32)
    at = 0
    for contig in genome.contigs:
        count_bases_by_piece(np.frombuffer(contig.sequence, np.uint8), at, genome.length_bp, counts)
        at += len(contig.sequence)
    return zstandard.compress(counts.tobytes(), 1)


def decode_course(blob: bytes) -> Counts:
    """The number of A, C, G and T in each piece of the genome: (PIECES, 4)."""
    return np.frombuffer(zstandard.decompress(blob), np.uint32).reshape(PIECES, 4)


def yau_line(course: Counts) -> npt.NDArray[np.float64]:
    """Yau's 2D line at the ends of the pieces: (PIECES, 4) -> (PIECES, 2), x and y in steps of length 1.

    A (1/2, -sqrt 3/2), C (sqrt 3/2, 1/2), G (sqrt 3/2, -1/2), T (1/2, sqrt 3/2): Yau et al. 2003, NAR
    31:3078.
    """
    half, root = 0.5, np.sqrt(3) / 2
    steps = np.array([(half, -root), (root, half), (root, -half), (half, root)])
    return np.asarray(np.cumsum(course.astype(np.float64), axis=0) @ steps)


@kernel
def count_tetramers(sequence: Bytes, offset: int, total: int, canonical: Bytes, counts: Counts) -> None:
    """Add a contig's 4-mers to the windows in which they start: (L,), (256,) -> (WINDOWS, TETRAMERS).

    `offset` is the contig's start in the genome, `total` the genome's length, both in bp.
    """
    code, run, window, end = 0, 0, -1, 0  # number of the window, and its end in the contig
    for i in range(sequence.size):
        while i - 3 >= end:
            window = (offset + i - 3) * WINDOWS // total if window < 0 else window + 1
            end = -((window + 1) * total // -WINDOWS) - offset
        base = sequence[i]
        if is_base(base):
            code = ((code << 2) | ((base >> 1) & 3)) & 255
            run += 1
            if run >= 4:
                counts[window, canonical[code]] += np.uint32(1)
        else:
            run = 0


@kernel
def count_bases_by_piece(sequence: Bytes, offset: int, total: int, counts: Counts) -> None:
    """Add a contig's bases to the counts of their pieces, in the order A, C, G, T: (L,), (PIECES, 4)."""
    piece, end = -1, 0  # number of the piece, and its end in the contig
    for i in range(sequence.size):
        while i >= end:
            piece = (offset + i) * PIECES // total if piece < 0 else piece + 1
            end = -((piece + 1) * total // -PIECES) - offset
        base = sequence[i]
        if is_base(base):
            code = (base >> 1) & 3  # A 0, C 1, T 2, G 3
            counts[piece, code ^ (code >> 1)] += np.uint32(1)


def _canonical() -> Bytes:
    """The number of each 4-mer, which its reverse complement shares: (256,) codes -> below TETRAMERS."""
    codes = np.arange(256)
    mirrored = np.zeros(256, np.int64)
    for place in range(4):
        mirrored = mirrored * 4 + ((codes >> (2 * place)) & 3 ^ 2)
    number = np.unique(np.minimum(codes, mirrored), return_inverse=True)[1]
    return np.asarray(number, np.uint8)


CANONICAL = _canonical()
