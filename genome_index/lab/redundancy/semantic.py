"""Semantic duplicates: genomes whose vectors are nearly the same, by SemDeDup, and what k-mers say of them.

Abbas et al. 2023 (arXiv 2303.09540): vectors are clustered by k-means on the sphere. Within a cluster the
genomes are ordered by their cosine to its centre, the lowest first; one that has a cosine above 1 - epsilon
to an earlier one is a duplicate and left out. Pairs in two clusters are not compared.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

EPSILONS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
CLUSTER = 100  # genomes of a cluster, in the mean
ROUNDS = 10  # of k-means


@dataclass(frozen=True)
class NearestBefore:
    """For each of N genomes, the most similar one that comes before it in its cluster."""

    row: Rows  # (N,) -1 for the first of a cluster
    cosine: Floats  # (N,) -2 for the first of a cluster

    def duplicates(self, epsilon: float) -> Rows:
        """The genomes that are left out."""
        return np.flatnonzero(self.cosine > 1 - epsilon)


def nearest_before(vectors: Floats, seed: int = 0, cluster: int = CLUSTER) -> NearestBefore:
    """The most similar earlier genome of each: (N, D) rows of length 1."""
    centres, clusters = _clusters(vectors, max(1, len(vectors) // cluster), seed)
    row, cosine = np.full(len(vectors), -1), np.full(len(vectors), -2, np.float32)
    for number, centre in enumerate(centres):
        members = np.flatnonzero(clusters == number)
        members = members[np.argsort(vectors[members] @ centre, kind="stable")]
        similarity = vectors[members] @ vectors[members].T
        similarity[np.tril_indices(len(members))] = -2  # no earlier one
        if len(members) > 1:
            row[members[1:]] = members[similarity.argmax(axis=0)[1:]]
            cosine[members[1:]] = similarity.max(axis=0)[1:]
    return NearestBefore(row, cosine)


def _clusters(vectors: Floats, clusters: int, seed: int) -> tuple[Floats, Rows]:
    """The centres of spherical k-means, and the cluster of each vector."""
    import faiss

    kmeans = faiss.Kmeans(
        vectors.shape[1], clusters, niter=ROUNDS, spherical=True, seed=seed % 2**31, min_points_per_centroid=1
    )
    kmeans.train(vectors)
    return np.asarray(kmeans.centroids), np.asarray(kmeans.index.search(vectors, 1)[1][:, 0])


def surplus_found(groups: Rows, duplicates: Rows) -> float:
    """Of the genomes that groups, (N,), have beyond one each, the share that duplicates leave out too."""
    sizes = np.bincount(groups)
    out = np.bincount(groups[duplicates], minlength=len(sizes))
    surplus = np.maximum(sizes - 1, 0)
    return float(np.minimum(out, surplus).sum() / surplus.sum()) if surplus.any() else float("nan")
