"""Scores of genome vectors: accuracy of the nearest vector in folds, silhouette, anisotropy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from genome_index.collection.cluster_stats import silhouette
from genome_index.encoders.pooling import unit
from genome_index.index.vectors.projection import nearest_reference
from genome_index.spec import IndexSpec
from genome_index.taxonomy.levels import UNKNOWN, Level

Floats = npt.NDArray[np.float32]

FOLDS = 4
SEED = 0


def nearest_accuracy(values: Floats, level: Level, spec: IndexSpec) -> float:
    """Share of genomes whose nearest vector in the other folds has their name, of those that have one there.

    Centring and half-whitening are fitted on the other folds. NaN where no genome has another of its name.
    """
    fold = folds_of(level)
    queries = right = 0
    for part in range(FOLDS):
        train, test = np.flatnonzero(fold != part), np.flatnonzero(fold == part)
        train = train[level.codes[train] != UNKNOWN]
        test = test[np.isin(level.codes[test], level.codes[train])]
        if not len(test):
            continue
        nearest = nearest_reference(values, train, test, spec.dim, spec.whitening)
        queries += len(test)
        right += int((level.codes[nearest] == level.codes[test]).sum())
    return right / queries if queries else float("nan")


def folds_of(level: Level) -> npt.NDArray[np.int64]:
    """The fold of each genome, stratified by name and seeded: (N,)."""
    generator = np.random.default_rng(SEED)
    folds = np.empty(len(level.codes), np.int64)
    order = np.lexsort((generator.random(len(folds)), level.codes))
    folds[order] = np.arange(len(folds)) % FOLDS
    return folds


def level_silhouette(vectors: Floats, level: Level) -> float:
    """Cosine silhouette over the genomes with a name, -1 to 1; NaN where it is not defined."""
    named = level.codes != UNKNOWN
    value = silhouette(vectors[named], level.codes[named])
    return float("nan") if value is None else value


def mean_cosine(vectors: Floats) -> float:
    """Mean cosine of all pairs of rows: (N, D) -> -1 to 1. The squared length of the sum holds them all."""
    rows = unit(vectors)
    pairs = len(rows) * (len(rows) - 1)
    total, own = rows.sum(axis=0, dtype=np.float64), np.square(rows).sum(dtype=np.float64)
    return min(1.0, float((total @ total - own) / pairs)) if pairs else float("nan")
