"""Persistent homology of the chaos game path: connected parts (H0) as a loss, loops (H1) as a metric.

The deaths of H0 under the Vietoris-Rips filtration are the lengths of the edges of the Euclidean minimum
spanning tree. Which edges those are is found without gradients; their lengths carry gradients to the points.
learning-nucleotides takes the most probable base before its filtration, so no gradient reaches the network.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from genome_index.lab.losses.chaos_game import chaos_path
from genome_index.lab.losses.reading import Reading

POINTS = 128  # of a path, evenly spaced: the tree takes time with the square of them
NEVER_ZERO = 1e-12  # under a square root, whose slope at 0 is infinite

Doubles = npt.NDArray[np.float64]


def persistence(reading: Reading) -> Tensor:
    """Mean distance between the sorted deaths of the predicted and the true path: ().

    It is the 1-Wasserstein distance between the two sets of deaths on a line, divided by their number. A path
    moved, turned or mirrored has the same deaths, and so have many sequences.
    """
    ours, theirs = (_spaced(chaos_path(bases)) for bases in (reading.probabilities, reading.labels))
    gaps = [(deaths(a) - deaths(b)).abs().mean() for a, b in zip(ours, theirs, strict=True)]
    return torch.stack(gaps).mean()


def deaths(points: Tensor) -> Tensor:
    """Lengths of the edges of the minimum spanning tree, sorted, with gradients: (N, D) -> (N - 1,)."""
    edges = torch.from_numpy(tree_edges(points.detach().double().cpu().numpy())).to(points.device)
    squares = (points[edges[:, 0]] - points[edges[:, 1]]).square().sum(1)
    return (squares + NEVER_ZERO).sqrt().sort().values


def tree_edges(points: Doubles) -> npt.NDArray[np.int64]:
    """Edges of the minimum spanning tree by Prim's algorithm: (N, D) -> (N - 1, 2)."""
    edges = np.zeros((max(0, len(points) - 1), 2), np.int64)
    nearest = np.zeros(len(points), np.int64)  # of the tree, to each point
    gaps = ((points - points[0]) ** 2).sum(1)
    gaps[0] = np.inf
    for number in range(len(edges)):
        at = int(gaps.argmin())
        edges[number] = nearest[at], at
        own = ((points - points[at]) ** 2).sum(1)
        closer = (own < gaps) & np.isfinite(gaps)
        nearest[closer], gaps[closer] = at, own[closer]
        gaps[at] = np.inf
    return edges


def loop_distance(ours: Doubles, theirs: Doubles) -> float:
    """How far the loops of two sets of points are apart: (N, 2), (M, 2).

    The 1-Wasserstein distance on a line between how long loops persist; the shorter list is filled up with
    zeros. It has no gradient.
    """
    ours, theirs = (loops(points) for points in (ours, theirs))
    size = max(len(ours), len(theirs))
    rows = [np.sort(np.pad(own, (0, size - len(own)))) for own in (ours, theirs)]
    return float(np.abs(rows[0] - rows[1]).sum())


def loops(points: Doubles) -> Doubles:
    """How long each loop (H1) of points persists: (N, D) -> (M,)."""
    from ripser import ripser

    diagram = ripser(points, maxdim=1)["dgms"][1]
    return np.asarray(diagram[:, 1] - diagram[:, 0])


def _spaced(path: Tensor) -> Tensor:
    """At most POINTS of a path, evenly spaced: (B, L, 2) -> (B, N, 2)."""
    size = min(path.shape[1], POINTS)
    return path[:, torch.linspace(0, path.shape[1] - 1, size).long().to(path.device)]
