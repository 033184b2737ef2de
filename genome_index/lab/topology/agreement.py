"""Agreement of distances with names: silhouette, names of nearest genomes, clusters of average linkage."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from genome_index.evaluate.species_out import has_answer, may_answer
from genome_index.lab.topology.neighbours import Shares
from genome_index.lab.topology.reference import Distances
from genome_index.taxonomy.levels import UNKNOWN, Level

NAN = float("nan")


def name_silhouette(distances: Distances, level: Level) -> float:
    """Silhouette of the names at a rank (Rousseeuw 1987), -1 to 1; NaN where it is not defined."""
    from sklearn.metrics import silhouette_score

    codes, own = _named(distances, level)
    if not 1 < len(np.unique(codes)) < len(codes):
        return NAN
    return float(silhouette_score(own, codes, metric="precomputed"))


def cluster_agreement(distances: Distances, level: Level) -> float:
    """Adjusted mutual information of names and clusters (Vinh et al. 2010): 1 is the same, 0 is chance.

    The clusters are those of average linkage, cut to as many as there are names. NaN with a single name, or
    where each genome has a name of its own.
    """
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform
    from sklearn.metrics import adjusted_mutual_info_score

    codes, own = _named(distances, level)
    names = len(np.unique(codes))
    if not 1 < names < len(codes):
        return NAN
    clusters = fcluster(linkage(squareform(own, checks=False), "average"), names, "maxclust")
    return float(adjusted_mutual_info_score(codes, clusters))


def nearest_names(distances: Distances, level: Level, species: Level) -> Shares:
    """Whether the nearest genome has a genome's name: (N,), of several nearest the share.

    As in `gindex compare`, no genome of the same species answers above species. NaN for a genome whose name
    nobody has that may answer.
    """
    everyone = np.arange(len(distances))
    allowed = may_answer(level, species, everyone, everyone)
    np.fill_diagonal(allowed, False)
    masked = np.where(allowed, distances, np.inf)
    nearest = allowed & (masked == masked.min(axis=1, keepdims=True))
    same = level.codes[:, None] == level.codes[None, :]
    shares = (nearest & same).sum(axis=1) / np.maximum(1, nearest.sum(axis=1))
    return np.where(has_answer(level, species), shares, NAN)


def _named(distances: Distances, level: Level) -> tuple[npt.NDArray[np.int32], Distances]:
    """The names' codes and the distances of genomes with a name."""
    named = np.flatnonzero(level.codes != UNKNOWN)
    return level.codes[named], distances[np.ix_(named, named)]
