"""Scores of genome vectors without folds: silhouette of the names, anisotropy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from genome_index.collection.cluster_stats import silhouette
from genome_index.encoders.pooling import unit
from genome_index.taxonomy.levels import UNKNOWN, Level

Floats = npt.NDArray[np.float32]


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
