"""Similarity of genomes by their vectors: as an encoder gives them, or centred and half-whitened in a fold.

A projection of N genomes needs their inner products alone, which are computed once for all folds of all
seeds: `fit_projection` would compute them again in each.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from genome_index.encoders.pooling import unit
from genome_index.evaluate.comparison.repeated_folds import Similarity
from genome_index.index.vectors.projection import FIT_GENOMES, ROUNDING

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

COLUMNS = 4_096  # of the features, in float64 at a time


def as_they_come(features: Floats) -> Similarity:
    """Cosine of the features: (N, D) -> a function of queries and references."""
    rows = unit(features)

    def similarity(queries: Rows, references: Rows) -> Floats:
        return np.asarray(rows[queries] @ rows[references].T)

    return similarity


def whitened(features: Floats, dim: int, whitening: float) -> Similarity:
    """Cosine after the projection that the references give: what `fit_projection` of them finds."""
    products, mean = _inner_products(features)

    def similarity(queries: Rows, references: Rows) -> Floats:
        rows = _projected(products, mean, references, dim, whitening)
        return np.asarray(rows[queries] @ rows[references].T)

    return similarity


def _inner_products(features: Floats) -> tuple[Doubles, float]:
    """Inner products of the centred features, (N, D) -> (N, N), and the squared length of their mean."""
    products, mean = np.zeros((len(features), len(features))), 0.0
    for start in range(0, features.shape[1], COLUMNS):
        block = features[:, start : start + COLUMNS].astype(np.float64)
        centre = block.mean(axis=0)
        block -= centre
        products += block @ block.T
        mean += float(centre @ centre)
    return products, mean


def _projected(products: Doubles, mean: float, references: Rows, dim: int, whitening: float) -> Floats:
    """Rows of length 1 of all genomes, by the principal components of the references: (N, N) -> (N, d).

    Of more than FIT_GENOMES references an even sample is used, as in an index. With features F, centred by
    the mean of the references R, a component of them is F[R]^T times an eigenvector of F[R] F[R]^T.
    """
    if len(references) > FIT_GENOMES:
        references = references[np.linspace(0, len(references) - 1, FIT_GENOMES).astype(np.int64)]
    columns = products[:, references]
    centred = columns - columns.mean(axis=1, keepdims=True) - columns[references].mean(axis=0)
    centred += columns[references].mean()
    variances, directions = np.linalg.eigh(centred[references])
    variances, directions = variances[::-1][:dim], directions[:, ::-1][:, :dim]
    # What rounding of float32 features leaves of identical genomes, as in fit_projection.
    rounding = len(references) * ROUNDING**2 * mean
    informative = variances > max(1e-7 * float(variances[0]), rounding)
    variances, directions = variances[informative], directions[:, informative]
    scale = variances**-0.5 * (variances / len(references)) ** (-whitening / 2)
    return unit(np.asarray(centred @ (directions * scale), np.float32))
