"""Counts of the bases after each context, and Markov models from them in bits a base.

A context of order k is the k bases before a base, as a number with the oldest base first. Counts are made
into probabilities by the estimator of Krichevsky and Trofimov (1981) for four symbols, (n_b + 1/2) / (n + 2).
Where fewer than k bases are known before a base, at a start or after an N, the model of that lower order
predicts it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.io.kernels.kernel import kernel
from genome_index.lab.corpus.packing import OTHER, Codes

DEPTH = 12  # 16.7 million contexts, 0.4 GB of counts

Counts = npt.NDArray[np.uint32]
Doubles = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ContextCounts:
    """How often each base follows each context; `levels[k]` is (4 ** k, 4)."""

    levels: tuple[npt.NDArray[np.integer], ...]

    @property
    def depth(self) -> int:
        return len(self.levels) - 1

    @property
    def bases(self) -> int:
        """The bases that were counted."""
        return int(self.levels[0].sum())


def count_contexts(sequences: Iterable[Codes], depth: int = DEPTH) -> ContextCounts:
    """Count the bases that have `depth` known bases before them, so that all orders count the same bases.

    Give both strands of sequences whose strand means nothing.
    """
    deepest = np.zeros((4**depth, 4), np.uint32)  # memory of contexts that do not occur is never touched
    for codes in sequences:
        _count(codes, depth, deepest)
    levels: list[npt.NDArray[np.integer]] = [deepest]
    for _ in range(depth):
        levels.append(levels[-1].reshape(4, -1, 4).sum(0, dtype=np.int64))  # over the oldest base
    return ContextCounts(tuple(reversed(levels)))


def markov_bits(counts: ContextCounts, codes: Codes, most: int = DEPTH) -> Doubles:
    """Bits of each base by each order up to `most`: (L,) -> (L, most + 1), NaN for an N."""
    known, logs = known_before(codes), np.empty((len(codes), most + 1))
    for order in range(most + 1):
        own = -np.log2(estimates(counts, codes, order))
        logs[:, order] = np.where(known >= order, own, logs[:, max(0, order - 1)])
    logs[codes == OTHER] = np.nan
    return logs


def estimates(counts: ContextCounts, codes: Codes, order: int) -> Doubles:
    """The probability of each base by one order: (L,) -> (L,); without meaning where too little is known."""
    level = counts.levels[order]
    seen = level[contexts(codes, order)]
    own = np.take_along_axis(seen, (codes & 3).astype(np.int64)[:, None], axis=1)[:, 0]
    return np.asarray((own + 0.5) / (seen.sum(1) + 2))


def contexts(codes: Codes, order: int) -> Rows:
    """The number of the context before each base: (L,) -> (L,); N counts as A.

    >>> contexts(np.array([0, 1, 2, 3], np.uint8), 2).tolist()
    [0, 0, 1, 6]
    """
    padded = np.concatenate([np.zeros(order, np.int64), codes.astype(np.int64) & 3])
    numbers = np.zeros(len(codes), np.int64)
    for back in range(order, 0, -1):
        numbers = 4 * numbers + padded[order - back : order - back + len(codes)]
    return numbers


def known_before(codes: Codes) -> Rows:
    """The known bases before each base, back to the start or to an N: (L,) -> (L,).

    >>> known_before(np.array([0, 1, 4, 2, 3], np.uint8)).tolist()
    [0, 1, 2, 0, 1]
    """
    places = np.arange(len(codes))
    last = np.maximum.accumulate(np.where(codes == OTHER, places, -1))
    before = np.concatenate([np.array([-1]), last[:-1]])[: len(codes)]
    return np.asarray(places - 1 - before)


def own_bits(sequences: Iterable[Codes], order: int) -> tuple[float, int]:
    """Bits of sequences by a Markov model that learns them as it reads, and the bases read.

    A base with fewer than `order` known bases before it costs 2 bits.
    """
    counts = np.zeros((4**order, 4), np.uint32)
    read = [_learn_and_read(codes, order, counts) for codes in sequences]
    return sum(bits for bits, _ in read), sum(bases for _, bases in read)


@kernel
def _count(codes: Codes, depth: int, counts: Counts) -> None:
    """Add a sequence: (L,) codes, (4 ** depth, 4) counts."""
    context, known, last = 0, 0, 4**depth - 1
    for code in codes:
        if code >= OTHER:
            known = 0
            continue
        if known >= depth:
            counts[context, code] += 1
        context = (4 * context + code) & last
        known += 1


@kernel
def _learn_and_read(codes: Codes, order: int, counts: Counts) -> tuple[float, int]:
    context, known, last = 0, 0, 4**order - 1
    bits, bases = 0.0, 0
    for code in codes:
        if code >= OTHER:
            known = 0
            continue
        bases += 1
        if known < order:
            bits += 2.0
        else:
            row = counts[context]
            bits -= np.log2((row[code] + 0.5) / (row[0] + row[1] + row[2] + row[3] + 2.0))
            row[code] += 1
        context = (4 * context + code) & last
        known += 1
    return bits, bases
