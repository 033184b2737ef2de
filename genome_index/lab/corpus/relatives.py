"""Near relatives in a corpus of any size: sketches on disk, and an inverted index of a sample of their words.

Two genomes are relatives if they share enough of the smaller one's words: `sketches.containment` of their
sketches, to the power 1 / k, is an identity of IDENTITY or more. What is kept is the groups that such pairs
connect, never the pairs themselves, of which a thousand strains of a virus have half a million.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt
from numba import njit

from genome_index.index.store.sketches import MUCH_LARGER, hash_sketch
from genome_index.records import Genome
from genome_index.spec import IndexSpec

Rows = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]

SPEC = IndexSpec()  # k and density as in an index
IDENTITY = 0.94
"""ANI of a species is 95 % (Jain et al. 2018), and words say up to a point less. In a split of 7,378
mitogenomes no pair of 95 % ANI and half aligned lies in two parts; with 0.95 there were 18, up to 95.3 %."""
MOST_WORDS = 16_000_000  # held at a time, at about 40 bytes each: of a large corpus a smaller sample
WINDOW = 2_048  # genomes before it, with which one is compared on account of a word that more have


class SketchFile:
    """Sketches written one behind the other, while genomes stream by."""

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

    def add(self, genome: Genome) -> None:
        words = hash_sketch(genome, SPEC)
        small = genome.length_bp <= SPEC.small_bp
        self._limits.append(2**64 // (SPEC.small_scaled if small else SPEC.large_scaled))
        self._sizes.append(len(words))
        self._file.write(words.tobytes())

    def groups(self, most_words: int = MOST_WORDS, window: int = WINDOW) -> tuple[Rows, int]:
        """A number for each of N genomes, the same for those connected; and how densely words were sampled.

        The second is 1 of how many words of a small genome. Exact where no word is in more than `window`
        genomes; where one is, a genome is compared by it with so many before it.
        """
        self._file.flush()
        limits, sizes = np.array(self._limits, np.float64), np.array(self._sizes, np.int64)
        densest = float(2**64 // SPEC.small_scaled)
        cut = densest
        while (sizes * np.minimum(1, cut / np.maximum(limits, 1))).sum() > most_words:
            cut /= 2
        words, own, coarse = self._thinned(sizes, int(cut))
        large = limits < densest
        parents = np.arange(len(sizes))
        if len(words):
            number, owners, first = _inverted(words, own)
            least = IDENTITY**SPEC.sketch_k
            _connect(number, np.concatenate([[0], np.cumsum(own)]), owners, first, own, coarse, large,
                     least, window, parents)  # fmt: skip
        return parents, round(2.0**64 / cut)

    def _thinned(self, sizes: Counts, cut: int) -> tuple[Hashes, Counts, Counts]:
        """Hashes below `cut`, genome by genome; how many each has, and how many below a large one's limit."""
        kept: list[Hashes] = [np.empty(0, np.uint64)]
        own, coarse = np.zeros(len(sizes), np.int64), np.zeros(len(sizes), np.int64)
        limits = np.array([cut, min(cut, 2**64 // SPEC.large_scaled)], np.uint64)
        with self._path.open("rb") as file:
            for at, size in enumerate(sizes.tolist()):
                words = np.fromfile(file, np.uint64, size)
                own[at], coarse[at] = np.searchsorted(words, limits)
                kept.append(words[: own[at]].copy())
        return np.concatenate(kept), own, coarse


def _inverted(words: Hashes, own: Counts) -> tuple[Rows, npt.NDArray[np.int32], Rows]:
    """(W,) words -> (W,) their numbers, -1 where only one genome has it; who has each, in order; where."""
    order = np.argsort(words, kind="stable")
    ordered = words[order]
    new = np.append(True, ordered[1:] != ordered[:-1])
    starts = np.flatnonzero(new)
    counts = np.diff(np.append(starts, len(words)))
    shared = counts > 1
    number = np.where(shared, np.cumsum(shared) - 1, -1)  # of each distinct word
    numbers = np.empty(len(words), np.int64)
    numbers[order] = np.repeat(number, counts)
    owner = np.repeat(np.arange(len(own), dtype=np.int32), own)[order]
    first = np.concatenate([[0], np.cumsum(counts[shared])])
    return numbers, owner[np.repeat(shared, counts)], first


@njit(cache=True, nogil=True)
def root_of(parents: Rows, at: int) -> int:
    """The number of the group that `at` is in."""
    while parents[at] != at:
        parents[at] = parents[parents[at]]
        at = parents[at]
    return at


@njit(cache=True, nogil=True)
def _connect(
    number: Rows, starts: Rows, owners: npt.NDArray[np.int32], first: Rows, own: Counts, coarse: Counts,
    large: npt.NDArray[np.bool_], least: float, window: int, parents: Rows,
) -> None:  # fmt: skip
    """Join each genome with those before it that it is related to; the least number stands for a group."""
    genomes = starts.size - 1
    before = np.zeros(first.size, np.int64)  # how many owners of each word have been here
    tally = np.zeros(genomes, np.int32)
    touched = np.empty(genomes, np.int32)
    for genome in range(genomes):
        seen = 0
        for at in range(starts[genome], starts[genome + 1]):
            word = number[at]
            if word < 0:
                continue
            end = first[word] + before[word]
            for place in range(max(first[word], end - window), end):
                other = owners[place]
                if tally[other] == 0:
                    touched[seen] = other
                    seen += 1
                tally[other] += 1
            before[word] += 1
        for place in range(seen):
            other = touched[place]
            shared, tally[other] = tally[other], 0
            sizes = coarse if large[genome] or large[other] else own
            if _is_near(shared, sizes[genome], sizes[other], least):
                a, b = root_of(parents, genome), root_of(parents, other)
                parents[max(a, b)] = min(a, b)
    for genome in range(genomes):
        parents[genome] = root_of(parents, genome)


@njit(cache=True, nogil=True)
def _is_near(shared: int, size_a: int, size_b: int, least: float) -> bool:
    """As `sketches.containment` counts."""
    smaller, larger = min(size_a, size_b), max(size_a, size_b)
    if shared == 1 and larger > MUCH_LARGER * smaller:
        return False
    return shared / max(1, smaller) >= least
