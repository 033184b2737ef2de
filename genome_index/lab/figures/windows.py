"""Clouds of windows as counts of their k-mers: natural ones, of Markov models, and of networks.

The bases of generated windows are in memory only, within this module: what leaves it is the counts of their
4-mers. Networks are sampled as they were trained, from nothing on, base by base, at temperature 1. They have
no cache, so the prefix is read again for each base: L^2 / 2 tokens for L bases.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from genome_index.lab.corpus.packing import OTHER, Codes
from genome_index.lab.corpus.shards import Shards
from genome_index.lab.corpus.split import Part
from genome_index.lab.likelihood.contexts import ContextCounts

K = 4
BATCH = 64  # windows that are generated at once

Doubles = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
# Prefixes of bases 0 to 3, (B, t) with t from 0 on -> probabilities of the next base, (B, 4)
NextBase = Callable[[Codes], Doubles]


@dataclass(frozen=True)
class Cloud:
    """N windows of one origin."""

    name: str
    kind: str  # natural, Markov or network
    counts: Counts  # (N, 4 ** K) of their k-mers

    @cached_property
    def shares(self) -> Doubles:
        """Of the k-mers of each window: (N, 4 ** K)."""
        return np.asarray(self.counts / np.maximum(1, self.counts.sum(1, keepdims=True)))

    @cached_property
    def roots(self) -> Doubles:
        """Square roots of the shares, whose distance is Hellinger's times the square root of 2."""
        return np.sqrt(self.shares)

    @cached_property
    def shares_of_3(self) -> Doubles:
        """Shares of the 3-mers that begin the 4-mers: (N, 64)."""
        return np.asarray(self.shares.reshape(len(self.shares), -1, 4).sum(2))


def kmer_counts(windows: Codes) -> Counts:
    """Counts of the k-mers of windows, first base most significant: (N, L) -> (N, 4 ** K).

    >>> int(kmer_counts(np.array([[0, 1, 2, 3, 0]], np.uint8))[0, 27])
    1
    """
    length = windows.shape[1] - K + 1
    values = np.zeros((len(windows), length), np.int64)
    for at in range(K):
        values = 4 * values + windows[:, at : at + length]
    rows = np.arange(len(windows))[:, None] * 4**K
    return np.bincount((rows + values).ravel(), minlength=len(windows) * 4**K).reshape(len(windows), -1)


def natural_counts(
    shards: Shards, part: Part, length: int, number: int, seed: int, temperature: float
) -> Counts:
    """Windows of a part without an N, on either strand by chance; as a study draws its fragments."""
    fragments = shards.fragments(part, length, seed, temperature)
    known = (fragment.codes for fragment in fragments if not (fragment.codes == OTHER).any())
    return kmer_counts(np.stack([codes for codes, _ in zip(known, range(number), strict=False)]))


def generated_counts(next_base: NextBase, number: int, length: int, seed: int) -> Counts:
    """Windows drawn base by base, each from the probabilities after those before it: (N, 4 ** K)."""
    draws = np.random.default_rng(seed)
    counts = [kmer_counts(_drawn(next_base, size, length, draws)) for size in _batches(number)]
    return np.concatenate(counts)


def markov_next(counts: ContextCounts, order: int) -> NextBase:
    """A Markov model of counts, (n_b + 1/2) / (n + 2); of a lower order before so many bases are there."""

    def next_base(prefixes: Codes) -> Doubles:
        depth = min(order, prefixes.shape[1])
        contexts = np.zeros(len(prefixes), np.int64)
        for at in range(prefixes.shape[1] - depth, prefixes.shape[1]):
            contexts = 4 * contexts + prefixes[:, at]
        seen = counts.levels[depth][contexts]
        return np.asarray((seen + 0.5) / (seen.sum(1, keepdims=True) + 2))

    return next_base


def _drawn(next_base: NextBase, number: int, length: int, draws: np.random.Generator) -> Codes:
    """Bases of windows: (N, L)."""
    windows = np.zeros((number, length), np.uint8)
    for at in range(length):
        upper = np.cumsum(next_base(windows[:, :at]), axis=1)
        thrown = draws.random((number, 1)) * upper[:, -1:]
        windows[:, at] = np.minimum((thrown >= upper).sum(1), 3)
    return windows


def _batches(number: int) -> Iterator[int]:
    return (min(BATCH, number - start) for start in range(0, number, BATCH))
