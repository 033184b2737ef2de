"""Trees of vectors: average linkage (UPGMA) of cosine distances, bounded in memory.

Merges are scipy's linkage matrix, (N - 1, 4): the two clusters joined, their distance, and their number of
leaves; row i makes cluster N + i.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from genome_index.collection.clusters.bounded_components import parts_of

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
Merges = npt.NDArray[np.float64]
Heights = npt.NDArray[np.float64]

COMPARED_UP_TO = 4_000  # vectors all against all: 8 million distances, about 100 MB in scipy
PART_NEIGHBOURS = 10  # nearest neighbours of each vector from which parts are made


def tree_of(vectors: Floats, near: Rows, nearness: Floats, compared: int = COMPARED_UP_TO) -> Merges:
    """Average linkage (UPGMA) of unit vectors: (N, D), neighbours (N, M) with -1, scores (N, M) -> merges.

    Exact up to `compared` vectors. Above that, neighbours are joined from the nearest pair on into parts of
    at most `compared` vectors; each part is clustered exactly, then the parts by the mean distance of their
    members. More parts than `compared` are joined at one node. No merge is below the ones that it joins.
    """
    if len(vectors) <= compared:
        return average_linkage(vectors)
    near, nearness = near[:, :PART_NEIGHBOURS], nearness[:, :PART_NEIGHBOURS]
    return joined(vectors, neighbourhoods(near, nearness, compared))


def average_linkage(vectors: Floats) -> Merges:
    """Average linkage over 1 - inner product: (N, D) -> (N - 1, 4)."""
    from scipy.cluster.hierarchy import linkage

    if len(vectors) < 2:
        return np.empty((0, 4))
    return np.asarray(linkage(condensed(vectors), "average"))


def condensed(vectors: Floats) -> Floats:
    """1 - inner product of each pair i < j, at least 0, in scipy's order: (N, D) -> (N (N - 1) / 2,)."""
    parts = [1 - vectors[i + 1 :] @ vectors[i] for i in range(len(vectors) - 1)]
    return np.asarray(np.maximum(np.concatenate(parts), 0), np.float32)


def neighbourhoods(near: Rows, nearness: Floats, most: int) -> Rows:
    """The part of each vector, numbered from 0: (N, M), (N, M) -> (N,); none has more than `most`."""
    a = np.repeat(np.arange(len(near)), near.shape[1])
    b = near.ravel().astype(np.int64)
    known = b >= 0
    order = np.argsort(-nearness.ravel()[known], kind="stable")
    return parts_of(a[known][order], b[known][order], len(near), most)


def joined(vectors: Floats, part: Rows, compared: int = COMPARED_UP_TO) -> Merges:
    """The tree of each part, joined by the tree of the parts: (N, D), (N,) -> (N - 1, 4)."""
    groups = np.split(np.argsort(part, kind="stable"), np.flatnonzero(np.diff(np.sort(part))) + 1)
    merges, clusters = [], []
    made, highest = len(vectors), 0.0
    for rows in groups:
        own = average_linkage(vectors[rows])
        highest = max(highest, own[:, 2].max(initial=0))
        merges.append(_renumbered(own, rows, made))
        made += len(own)
        clusters.append(made - 1 if len(own) else rows[0])
    # The inner product of two means is the mean inner product of their members.
    means = np.stack([vectors[rows].mean(axis=0) for rows in groups])
    top = average_linkage(means) if len(groups) <= compared else _star(means, highest)
    merges.append(_renumbered(top, np.array(clusters), made))
    return _never_below(np.concatenate(merges), len(vectors))


def _renumbered(merges: Merges, leaves: Rows, made: int) -> Merges:
    """Merges with leaf i as cluster `leaves[i]`, and the first merge making cluster `made`."""
    result = merges.copy()
    names = np.concatenate([leaves, made + np.arange(len(merges))])
    result[:, :2] = names[merges[:, :2].astype(np.int64)]
    return result


def _star(means: Floats, least: float) -> Merges:
    """All parts joined at one node, at their mean distance and at least at `least`: (P, D) -> (P - 1, 4)."""
    count = len(means)
    total = means.sum(axis=0, dtype=np.float64)
    height = max(1 - (total @ total - np.square(means).sum()) / (count * (count - 1)), least)
    before = np.append(0, count + np.arange(count - 2))
    return np.stack([before, np.arange(1, count), np.full(count - 1, height), np.zeros(count - 1)], axis=1)


def _never_below(merges: Merges, leaves: int) -> Merges:
    """Distances raised to at least those of the joined clusters, leaves counted: (N - 1, 4) -> (N - 1, 4)."""
    heights, counts = np.zeros(leaves + len(merges)), np.ones(leaves + len(merges))
    result = merges.copy()
    for at, (a, b) in enumerate(merges[:, :2].astype(np.int64)):
        result[at, 2] = heights[leaves + at] = max(merges[at, 2], heights[a], heights[b])
        result[at, 3] = counts[leaves + at] = counts[a] + counts[b]
    return result
