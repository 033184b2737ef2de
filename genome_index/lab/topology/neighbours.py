"""Neighbours that a space keeps of a reference: trustworthiness, continuity, shares kept.

Venna and Kaski 2001 (ICANN, LNCS 2130, 485): trustworthiness is 1 less the ranks by which the k neighbours in
the space are too far off in the reference, scaled so that 0 is the worst; continuity has the two exchanged.
Of vectors by chance both are near 0.5.

Ties. Where several genomes are equally near, all numbers are the mean over the ways to break the ties, so
that a space where all genomes are the same has what chance has. Only a genome that ties with the k-th nearest
of the reference is among its k nearest: the reference itself keeps all. Without ties all is as published.
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
        beyond = self.nearer + self.equal - k  # of the last one of those that tie
        at_the_edge = np.maximum(0, beyond) * (beyond + 1) / (2 * self.equal)
        return np.where(self.nearer < k, at_the_edge, self.nearer + (self.equal + 1) / 2 - k)


def trustworthiness(space: Order, reference: Order, k: int) -> Shares:
    """Of each genome: 1 if its k neighbours in the space are those of the reference: (N,).

    Their mean is `sklearn.manifold.trustworthiness` if nothing ties. k must be below half of the genomes.
    """
    return _scaled(space.weights(k) * np.where(reference.nearer < k, 0, reference.excess(k)), k)


def continuity(space: Order, reference: Order, k: int) -> Shares:
    """Of each genome: 1 if the k neighbours in the reference are those of the space: (N,)."""
    return _scaled(reference.weights(k) * space.excess(k), k)


def _scaled(excess: Matrix, k: int) -> Shares:
    """1 - the sum of each row, so that all k neighbours being the farthest ones is 0: (N, N) -> (N,)."""
    return np.asarray(1 - 2 * excess.sum(axis=1) / (k * (2 * len(excess) - 3 * k - 1)))


def kept(space: Order, reference: Order, k: int) -> Shares:
    """The share of each genome's k nearest in the space that are among those of the reference: (N,)."""
    return np.asarray((space.weights(k) * (reference.nearer < k)).sum(axis=1) / k)


def has_neighbours(distances: Distances, k: int, saturated: float) -> npt.NDArray[np.bool_]:
    """Whether at least k others are nearer than `saturated`: only of these are k neighbours known. (N,)."""
    near = (distances < saturated) & ~np.eye(len(distances), dtype=bool)
    return np.asarray(near.sum(axis=1) >= k)
