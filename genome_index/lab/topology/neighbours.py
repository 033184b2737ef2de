"""Neighbours that a space keeps of a reference: trustworthiness, continuity, shares kept.

Venna and Kaski 2001 (ICANN, LNCS 2130, 485): trustworthiness is 1 less the ranks by which the k neighbours in
the space are too far off in the reference, scaled so that 0 is the worst; continuity has the two exchanged.
Of vectors by chance both are near 0.5.

Ties. Where several genomes are equally near, each is a neighbour with the same weight, and has the mean of
their ranks: what breaking ties by chance gives in the mean. A genome that ties with the k-th nearest of the
reference is among the k nearest, so that the reference itself has 1. Without ties all is as published.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.lab.topology.reference import Distances

Shares = npt.NDArray[np.float64]  # (N,) of each genome
Matrix = npt.NDArray[np.float64]  # (N, N), the diagonal has no meaning


@dataclass(frozen=True)
class Order:
    """How near each genome is to each other one."""

    nearer: Matrix  # genomes that are strictly nearer to the row's genome than the column's
    equal: Matrix  # genomes that are as near, the column's among them

    @classmethod
    def of(cls, distances: Distances) -> Order:
        """The order of distances: (N, N)."""
        size = len(distances)
        nearer, equal = np.zeros((size, size)), np.ones((size, size))
        for at, row in enumerate(distances):
            others = np.sort(np.delete(row, at))
            nearer[at] = np.searchsorted(others, row, "left")
            equal[at] = np.maximum(1, np.searchsorted(others, row, "right") - nearer[at])
        return cls(nearer, equal)

    def weights(self, k: int) -> Matrix:
        """How much of each genome is among the k nearest: rows sum up to k."""
        weights = np.clip((k - self.nearer) / self.equal, 0, 1)
        np.fill_diagonal(weights, 0)
        return weights

    def excess(self, k: int) -> Matrix:
        """Ranks by which each genome is beyond the k nearest, 0 for those among them."""
        middle = self.nearer + (self.equal + 1) / 2
        return np.where(self.nearer < k, 0.0, middle - k)


def trustworthiness(space: Order, reference: Order, k: int) -> Shares:
    """Of each genome: 1 if its k neighbours in the space are those of the reference: (N,).

    Their mean is `sklearn.manifold.trustworthiness` if nothing ties. k must be below half of the genomes.
    """
    size = len(space.nearer)
    excess = (space.weights(k) * reference.excess(k)).sum(axis=1)
    return np.asarray(1 - 2 * excess / (k * (2 * size - 3 * k - 1)))


def continuity(space: Order, reference: Order, k: int) -> Shares:
    """Of each genome: 1 if the k neighbours in the reference are those of the space: (N,)."""
    return trustworthiness(reference, space, k)


def kept(space: Order, reference: Order, k: int) -> Shares:
    """The share of each genome's k nearest in the space that are among those of the reference: (N,)."""
    return np.asarray((space.weights(k) * (reference.nearer < k)).sum(axis=1) / k)


def has_neighbours(distances: Distances, k: int, saturated: float) -> npt.NDArray[np.bool_]:
    """Whether at least k others are nearer than `saturated`: only of these are k neighbours known. (N,)."""
    near = (distances < saturated) & ~np.eye(len(distances), dtype=bool)
    return np.asarray(near.sum(axis=1) >= k)
