"""Persistent homology of a matrix of distances: connected parts (H0), loops (H1), and how far two are apart.

Distances are divided by their mean first, so that the scale of a space does not matter. A diagram has births
and deaths under the Vietoris-Rips filtration. Two diagrams are apart by the 1-Wasserstein distance: the least
sum, over all ways to match points with points or with the diagonal, of the larger one of the differences of
births and of deaths; a point matched with the diagonal counts half of its persistence (Edelsbrunner and Harer
2010, Computational Topology, VIII.2). It is divided by the number of genomes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.lab.topology.reference import Distances

Diagram = npt.NDArray[np.float64]  # (M, 2) births and deaths


@dataclass(frozen=True)
class Diagrams:
    """The diagrams of N genomes; the part that never dies is left out."""

    parts: Diagram  # H0, (N - 1, 2): deaths are the edges of the minimum spanning tree
    loops: Diagram  # H1


def diagrams_of(distances: Distances) -> Diagrams | None:
    """The diagrams of distances, (N, N), by ripser (Bauer 2021); None if all distances are 0."""
    from ripser import ripser

    mean = distances[np.triu_indices(len(distances), 1)].mean()
    if not mean > 0:
        return None
    found = ripser(distances / mean, maxdim=1, distance_matrix=True)["dgms"]
    parts, loops = (np.asarray(each[np.isfinite(each[:, 1])], np.float64) for each in found)
    return Diagrams(parts, loops)


def wasserstein(ours: Diagram, theirs: Diagram) -> float:
    """The 1-Wasserstein distance of two diagrams: (M, 2), (L, 2)."""
    from scipy.optimize import linear_sum_assignment

    mine, other = len(ours), len(theirs)
    costs = np.zeros((mine + other, mine + other))
    costs[:mine, :other] = np.abs(ours[:, None] - theirs[None]).max(axis=2, initial=0)
    costs[:mine, other:] = ((ours[:, 1] - ours[:, 0]) / 2)[:, None]
    costs[mine:, :other] = ((theirs[:, 1] - theirs[:, 0]) / 2)[None]
    rows, columns = linear_sum_assignment(costs)
    return float(costs[rows, columns].sum())


def diagram_distances(ours: Diagrams | None, theirs: Diagrams | None) -> tuple[float, float]:
    """How far the parts and the loops of two spaces of the same genomes are apart, by genome."""
    if ours is None or theirs is None:
        return float("nan"), float("nan")
    genomes = len(ours.parts) + 1
    return wasserstein(ours.parts, theirs.parts) / genomes, wasserstein(ours.loops, theirs.loops) / genomes
