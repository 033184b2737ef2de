"""Context tree weighting: the mixture of all Markov models of variable order up to a depth.

Willems, Shtarkov and Tjalkens 1995 (IEEE Trans. Inf. Theory 41, 653), for four symbols: a context either
predicts by its own counts (Krichevsky and Trofimov's estimator), with prior probability 1/2, or leaves it to
the four contexts that are one base longer. With counts K, a node's probability of its counted bases is

    P = P_KT(K) / 2 + (product of P of the four longer contexts) / 2,     at the depth: P = P_KT(K)

and a base is predicted by the mixture with the posterior weights. Counts are learned first and stay fixed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.io.kernels.kernel import kernel
from genome_index.lab.corpus.packing import OTHER, Codes
from genome_index.lab.likelihood.contexts import (
    ContextCounts,
    Doubles,
    contexts,
    estimates,
    known_before,
)

HALF = math.log(0.5)


@dataclass(frozen=True)
class ContextTree:
    """Counts, and the posterior weight of each context's own counts: `weights[k]` is (4 ** k,)."""

    counts: ContextCounts
    weights: tuple[Doubles, ...]  # of the orders below the depth


def weigh_contexts(counts: ContextCounts) -> ContextTree:
    """The posterior weights of a tree, from the longest contexts to the shortest."""
    below, weights = _log_estimates(counts.levels[-1]), list[Doubles]()
    for level in reversed(counts.levels[:-1]):
        own, longer = _log_estimates(level), below.reshape(4, -1).sum(0)
        below = np.logaddexp(own, longer) + HALF
        weights.append(np.exp(own + HALF - below))
    return ContextTree(counts, tuple(reversed(weights)))


def tree_bits(tree: ContextTree, codes: Codes) -> Doubles:
    """Bits of each base: (L,) -> (L,), NaN for an N. A base is predicted from the known bases before it."""
    known = known_before(codes)
    mixed = estimates(tree.counts, codes, tree.counts.depth)
    for order in range(tree.counts.depth - 1, -1, -1):
        own, weight = estimates(tree.counts, codes, order), tree.weights[order][contexts(codes, order)]
        mixed = np.where(known > order, weight * own + (1 - weight) * mixed, own)
    bits: Doubles = -np.log2(mixed)
    bits[codes == OTHER] = np.nan
    return bits


@kernel
def _log_estimates(counts: npt.NDArray[np.integer]) -> Doubles:
    """Logarithm of P_KT of each context's counts, in any order: (C, 4) -> (C,).

    The product of (j + 1/2) for each base's j = 0 .. n_b - 1, over that of (j + 2) for j = 0 .. n - 1.
    """
    logs = np.zeros(len(counts))
    at_zero = math.lgamma(0.5)
    for context in range(len(counts)):
        total = 0.0
        for base in range(4):
            number = float(counts[context, base])
            total += number
            if number:
                logs[context] += math.lgamma(number + 0.5) - at_zero
        if total:
            logs[context] -= math.lgamma(total + 2.0)  # less that of 2, which is 0
    return logs
