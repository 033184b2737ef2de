"""Near relatives in a corpus of any size: sketches on disk, an inverted index of a sample of k-mers.

Two genomes are relatives if they share enough of the smaller one's k-mers: `sketches.containment` of their
sketches, to the power 1 / k, is an identity of IDENTITY or more. Only the groups that such pairs connect are
stored: a thousand strains of a virus have half a million pairs.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt

from genome_index.index.store.sketches import MUCH_LARGER, containment, hash_sketch
from genome_index.io.kernels.kernel import kernel
from genome_index.records import Genome
from genome_index.spec import IndexSpec

Rows = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]

SPEC = IndexSpec()  # k and density as in an index
IDENTITY = 0.94
"""ANI within a species is 95 % (Jain et al. 2018), and k-mer identity is up to a point lower. In a split of
7,378 mitogenomes no pair of 95 % ANI and half aligned is in two parts; with 0.95 there were 18, up to 95.3 %.
"""
MOST_KMERS = 16_000_000  # in memory at a time, at about 40 bytes each: a large corpus has a smaller sample
WINDOW = 2_048  # preceding genomes that a genome is compared with for a k-mer that more of them have


class SketchFile:
    """Sketches in a file, one after the other."""

    def __init__(self, path: Path) -> None:
        self._path, self._file = path, path.open("wb")
        self._sizes: list[int] = []
        self._limits: list[int] = []

    def __enter__(self) -> SketchFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, genome: Genome) -> Hashes:
        """Add the sketch of a genome, and return it."""
        hashes = hash_sketch(genome, SPEC)
        self._limits.append(sampling_limit(genome))
        self._sizes.append(len(hashes))
        self._file.write(hashes.tobytes())
        return hashes

    def groups(
        self, most_kmers: int = MOST_KMERS, window: int = WINDOW, identity: float = IDENTITY
    ) -> tuple[Rows, int]:
        """The group of each of N genomes, and the sampling of k-mers: 1 of so many of a small genome.

        A group is connected by pairs of `identity` or more.

        Exact if no k-mer is in more than `window` genomes; for such a k-mer, a genome is compared with the
        `window` genomes before it.
        """
        self._file.flush()
        limits, sizes = np.array(self._limits, np.float64), np.array(self._sizes, np.int64)
        densest = float(2**64 // SPEC.small_scaled)
        cut = densest
        while (sizes * np.minimum(1, cut / np.maximum(limits, 1))).sum() > most_kmers:
            cut /= 2
        hashes, own, coarse = self._sampled(sizes, int(cut))
        large = limits < densest
        parents = np.arange(len(sizes))
        if len(hashes):
            number, owners, first = _inverted(hashes, own)
            least = identity**SPEC.sketch_k
            _connect(number, np.concatenate([[0], np.cumsum(own)]), owners, first, own, coarse, large,
                     least, window, parents)  # fmt: skip
        return parents, round(2.0**64 / cut)

    def _sampled(self, sizes: Counts, cut: int) -> tuple[Hashes, Counts, Counts]:
        """Hashes below `cut` by genome, the number of each, and the number below a large genome's limit."""
        sampled: list[Hashes] = [np.empty(0, np.uint64)]
        own, coarse = np.zeros(len(sizes), np.int64), np.zeros(len(sizes), np.int64)
        limits = np.array([cut, min(cut, 2**64 // SPEC.large_scaled)], np.uint64)
        with self._path.open("rb") as file:
            for at, size in enumerate(sizes.tolist()):
                hashes = np.fromfile(file, np.uint64, size)
                own[at], coarse[at] = np.searchsorted(hashes, limits)
                sampled.append(hashes[: own[at]].copy())
        return np.concatenate(sampled), own, coarse


def sampling_limit(genome: Genome) -> int:
    """What the hashes of a genome's sketch are below; two genomes are compared below the lower limit."""
    return 2**64 // (SPEC.small_scaled if genome.length_bp <= SPEC.small_bp else SPEC.large_scaled)


def pair_identity(a: Hashes, b: Hashes, limit: int) -> float:
    """The identity of two sketches: the share of the smaller one that is in the other, to 1 / k."""
    return float(containment(a, b, np.uint64(limit)) ** (1 / SPEC.sketch_k))


def _inverted(hashes: Hashes, own: Counts) -> tuple[Rows, npt.NDArray[np.int32], Rows]:
    """(W,) hashes -> (W,) k-mer numbers, -1 for k-mers of one genome; genomes by k-mer; where each begins."""
    order = np.argsort(hashes, kind="stable")
    ordered = hashes[order]
    new = np.append(True, ordered[1:] != ordered[:-1])
    starts = np.flatnonzero(new)
    counts = np.diff(np.append(starts, len(hashes)))
    shared = counts > 1
    number = np.where(shared, np.cumsum(shared) - 1, -1)  # of each distinct k-mer
    numbers = np.empty(len(hashes), np.int64)
    numbers[order] = np.repeat(number, counts)
    owner = np.repeat(np.arange(len(own), dtype=np.int32), own)[order]
    first = np.concatenate([[0], np.cumsum(counts[shared])])
    return numbers, owner[np.repeat(shared, counts)], first


@kernel
def root_of(parents: Rows, at: int) -> int:
    """The number of the group of `at`."""
    while parents[at] != at:
        parents[at] = parents[parents[at]]
        at = parents[at]
    return at


@kernel
def _connect(
    number: Rows, starts: Rows, owners: npt.NDArray[np.int32], first: Rows, own: Counts, coarse: Counts,
    large: npt.NDArray[np.bool_], least: float, window: int, parents: Rows,
) -> None:  # fmt: skip
    """Join each genome with its relatives before it; the least number stands for a group."""
    genomes = starts.size - 1
    before = np.zeros(first.size, np.int64)  # owners of each k-mer so far
    tally = np.zeros(genomes, np.int32)
    touched = np.empty(genomes, np.int32)
    for genome in range(genomes):
        seen = 0
        for at in range(starts[genome], starts[genome + 1]):
            kmer = number[at]
            if kmer < 0:
                continue
            end = first[kmer] + before[kmer]
            for position in range(max(first[kmer], end - window), end):
                other = owners[position]
                if tally[other] == 0:
                    touched[seen] = other
                    seen += 1
                tally[other] += 1
            before[kmer] += 1
        for position in range(seen):
            other = touched[position]
            shared, tally[other] = tally[other], 0
            sizes = coarse if large[genome] or large[other] else own
            if _is_near(shared, sizes[genome], sizes[other], least):
                a, b = root_of(parents, genome), root_of(parents, other)
                parents[max(a, b)] = min(a, b)
    for genome in range(genomes):
        parents[genome] = root_of(parents, genome)


@kernel
def _is_near(shared: int, size_a: int, size_b: int, least: float) -> bool:
    """Whether containment, as in `sketches.containment`, is `least` or more."""
    smaller, larger = min(size_a, size_b), max(size_a, size_b)
    if shared == 1 and larger > MUCH_LARGER * smaller:
        return False
    return shared / max(1, smaller) >= least
