"""Mantel's test: rank correlation of two matrices of distances, beside permutations of one of them.

Mantel 1967 (Cancer Research 27, 209). The correlation is Spearman's, over all pairs; of equal distances each
has the mean of their ranks. The p-value is the share of permutations of the genomes of one matrix, itself
among them, that correlate at least as much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.lab.topology.reference import Distances

PERMUTATIONS = 199  # the least p is 0.005
ROUNDING = 1e-6  # of a sum of products in float32: an equal correlation counts as reached

Ranks = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Correlation:
    """Spearman's correlation of two matrices of distances; NaN if one is constant."""

    value: float
    p: float  # one-sided; NaN without permutations


def mantel(
    space: Distances, references: Sequence[Distances], permutations: int = PERMUTATIONS, seed: int = 0
) -> list[Correlation]:
    """The correlation of a space with each reference, all (N, N), by the same permutations."""
    own, others = _ranked(space), [_ranked(each) for each in references]
    values = [_sum(own, other) for other in others]
    reached = np.ones(len(others))
    draws = np.random.default_rng(seed)
    for _ in range(permutations):
        order = draws.permutation(len(own))
        permuted = own[order][:, order]
        again = [_sum(permuted, other) for other in others]
        reached += np.array(again) >= np.array(values) - ROUNDING
    nothing = not permutations
    return [
        Correlation(value, float("nan") if nothing or np.isnan(value) else p / (1 + permutations))
        for value, p in zip(values, reached.tolist(), strict=True)
    ]


def _ranked(distances: Distances) -> Ranks:
    """Ranks of the pairs, centred and of length 1 over all entries; NaN if all are equal."""
    from scipy.stats import rankdata

    above = np.triu_indices(len(distances), 1)
    ranks = rankdata(distances[above])
    ranks -= ranks.mean()
    length = np.sqrt(2 * (ranks**2).sum())
    matrix = np.zeros_like(distances)
    matrix[above] = ranks / length if length > 0 else np.nan
    return (matrix + matrix.T).astype(np.float32)


def _sum(a: Ranks, b: Ranks) -> float:
    return float(np.vdot(a, b))
