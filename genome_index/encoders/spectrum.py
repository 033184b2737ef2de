"""Spaced k-mer spectrum, the default encoder: counts of canonical spaced 8-mers; no weights, no training.

A window of 11 bases is read through the mask 11011011011: eight bases count and every third is skipped. In a
coding region one of three frames skips the wobble position, so the k-mer survives silent changes that break a
contiguous 8-mer. Chosen on a development split against contiguous k = 5..8: tests/bench/RESULTS.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from genome_index.encoders.protocol import Rows
from genome_index.io.bases import IS_BASE, count_bases, mark_bases
from genome_index.io.kernels.kernel import kernel, kernel_with
from genome_index.records import Genome, Progress, quiet

MASK = "11011011011"
SPAN = len(MASK)
DIM = 256 * 257 // 2  # unordered pairs of 4-base halves: each canonical k-mer has one index, none is unused
BLOCK = 2048  # windows counted at a time: the scratch rows stay in the first-level cache
MOST = 65_535  # the largest count in 16 bits
PIECE = 4 * BLOCK  # windows of a large genome between two checks of the largest count

Bytes = npt.NDArray[np.uint8]
Kmers = npt.NDArray[np.uint16]
Counts = npt.NDArray[np.uint16]


class Spectrum:
    """Encoder of a genome as its counts of canonical spaced 8-mers.

    >>> from genome_index.records import Contig, Genome
    >>> genome = Genome("g", (Contig("c", b"ACGTACGTACGTA"),), "-")
    >>> int(Spectrum().encode([genome]).sum())  # 13 bases hold 3 windows of 11
    3
    """

    name = "spectrum"
    parallel = True
    version = f"{MASK} ^ 0.25"
    dim = DIM

    def iter_encode(self, genomes: Sequence[Genome], progress: Progress = quiet) -> Iterator[Counts]:
        return (self.encode([genome])[0] for genome in genomes)

    def encode(self, genomes: Sequence[Genome], progress: Progress = quiet) -> Counts:
        """K-mer counts, contigs added up: (N,) -> (N, DIM) uint16, order kept.

        If the commonest k-mer of a genome occurs more than 65,535 times, its counts are scaled down to fit.
        """
        rows = np.zeros((len(genomes), DIM), np.uint16)
        for row, genome in zip(rows, genomes, strict=True):
            if genome.length_bp <= MOST:  # nothing can overflow: counted in place
                for contig in genome.contigs:
                    count_kmers(np.frombuffer(contig.sequence, np.uint8), row)
            else:
                counts = _count_large(genome)
                row[:] = np.rint(counts * min(1.0, MOST / max(1, int(counts.max()))))
        return rows

    def notes(self) -> tuple[str, ...]:
        return ()

    def shares(self, raw: Rows) -> npt.NDArray[np.float32]:
        """1 for each genome: all of it is read."""
        return np.ones(len(raw), np.float32)

    def features(self, raw: Rows) -> npt.NDArray[np.float32]:
        """Fourth roots of the k-mer frequencies: (N, DIM).

        A root keeps the few commonest k-mers from dominating. The square root would make cosine the
        Bhattacharyya coefficient; its own root did better on the development split (tests/bench/RESULTS.md).
        A genome without a single k-mer (all N, or shorter than 11 bases) is a row of zeros.
        """
        counts = np.stack(list(raw)).astype(np.float32)
        counts /= np.maximum(counts.sum(axis=1, keepdims=True), 1)
        return np.sqrt(np.sqrt(counts, out=counts), out=counts)


def _count_large(genome: Genome) -> npt.NDArray[np.uint32]:
    """Counts of a genome that may exceed 16 bits."""
    total, counts, room = np.zeros(DIM, np.uint32), np.zeros(DIM, np.uint16), MOST
    for contig in genome.contigs:
        room = _add_large(np.frombuffer(contig.sequence, np.uint8), counts, room, total)
    return total + counts


def _count_plainly(sequence: Bytes, counts: Counts) -> None:
    """The same for all windows of the sequence at once."""
    windows = sequence.size - SPAN + 1
    if windows < 1:
        return
    bases = (sequence >> np.uint8(1)) & np.uint8(3)
    quads = bases[:-4] << np.uint8(6) | bases[1:-3] << np.uint8(4) | bases[3:-1] << np.uint8(2) | bases[4:]
    turned = [(quads >> np.uint8(shift)) & np.uint8(3) ^ np.uint8(2) for shift in (6, 4, 2, 0)]
    others = turned[3] << np.uint8(6) | turned[2] << np.uint8(4) | turned[1] << np.uint8(2) | turned[0]
    left, right = quads[:windows].astype(np.int64), others[6 : 6 + windows].astype(np.int64)
    greater, lesser = np.maximum(left, right), np.minimum(left, right)
    is_other = np.append(0, np.cumsum(~IS_BASE[sequence]))
    clear = is_other[SPAN:] == is_other[:windows]
    kmers = greater * (greater + 1) // 2 + lesser
    counts += np.bincount(kmers[clear], minlength=len(counts)).astype(counts.dtype)


@kernel_with(_count_plainly)
def count_kmers(sequence: Bytes, counts: Counts) -> None:
    """Add the canonical k-mers of one contig: (L,) bases, (DIM,) counts.

    Windows with other characters than bases are left out.
    """
    clear = np.empty(BLOCK + SPAN, np.uint8)
    left = np.empty(BLOCK + 6, np.uint8)
    right = np.empty(BLOCK, np.uint8)
    kmers = np.empty(BLOCK, np.uint16)
    for start in range(0, sequence.size - SPAN + 1, BLOCK):
        windows = min(BLOCK, sequence.size - SPAN + 1 - start)
        window = sequence[start : start + windows + SPAN - 1]
        _canonical_kmers(window, left[: windows + 6], right[:windows], kmers[:windows])
        if count_bases(window) == window.size:
            for i in range(windows):
                counts[kmers[i]] += 1
        else:
            mark_bases(window, clear)
            _count_clear(kmers[:windows], clear[: window.size], counts)


@kernel
def _add_large(sequence: Bytes, counts: Counts, room: int, total: npt.NDArray[np.uint32]) -> int:
    """Add a contig's k-mers to counts of 16 bits, and these to the total before one could overflow.

    `room` is the number of k-mers that fit before that; the new room is returned. Counts of 16 bits stay in
    the nearest cache, which saves more than the checks cost.
    """
    for start in range(0, sequence.size - SPAN + 1, PIECE):
        piece = sequence[start : start + PIECE + SPAN - 1]
        if piece.size > room:
            room = MOST - int(counts.max())
        if piece.size > room:
            total += counts
            counts[:] = 0
            room = MOST
        count_kmers(piece, counts)
        room -= piece.size
    return room


@kernel
def _canonical_kmers(window: Bytes, left: Bytes, right: Bytes, kmers: Kmers) -> None:
    """Pair the halves of each window's k-mer: (W + 10,) bases -> (W,) k-mers, positions in a lower triangle.

    Bits 1 and 2 of an ASCII base are A 0, C 1, T 2, G 3 in either case, so the complement is `^ 2`.
    `left` is a k-mer's first four bases, `right` the reverse complement of its last four. The other strand
    has the same two bytes exchanged, so the unordered pair is the canonical k-mer.
    Three plain loops over bytes: the compiler makes vector instructions of each, but not of the three in one.
    """
    for i in range(left.size):
        first = (window[i] >> np.uint8(1)) & np.uint8(3)
        second = (window[i + 1] >> np.uint8(1)) & np.uint8(3)
        third = (window[i + 3] >> np.uint8(1)) & np.uint8(3)
        fourth = (window[i + 4] >> np.uint8(1)) & np.uint8(3)
        left[i] = (first << np.uint8(6)) | (second << np.uint8(4)) | (third << np.uint8(2)) | fourth
    for i in range(right.size):
        half = left[i + 6] ^ np.uint8(0b10101010)  # four complements; then their order is reversed
        half = ((half & np.uint8(0x33)) << np.uint8(2)) | ((half >> np.uint8(2)) & np.uint8(0x33))
        right[i] = ((half & np.uint8(0x0F)) << np.uint8(4)) | (half >> np.uint8(4))
    for i in range(kmers.size):
        greater, lesser = np.uint16(max(left[i], right[i])), np.uint16(min(left[i], right[i]))
        # greater * (greater + 1) / 2 within 16 bits: one of the two factors is even
        kmers[i] = ((greater + np.uint16(1)) >> np.uint16(1)) * (greater | np.uint16(1)) + lesser


@kernel
def _count_clear(kmers: Kmers, clear: Bytes, counts: Counts) -> None:
    run = 0  # bases since the last other character
    for i in range(clear.size):
        run = run + 1 if clear[i] else 0
        if run >= SPAN:
            counts[kmers[i - SPAN + 1]] += 1
