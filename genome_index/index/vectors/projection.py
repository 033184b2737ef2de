"""The projection: centring and half-whitening of an encoder's features to the vectors that are compared.

The spectra of two genomes agree mostly in what all genomes share, and differ in noise that depends on length;
the components fitted on the references keep the differences between references. Whitening: Su et al. 2021,
arXiv 2103.15316; half of it, because full whitening amplifies the noisy components (tests/bench/RESULTS.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genome_index.encoders.pooling import unit
from genome_index.spec import NO_PROJECTION

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

ROUNDING = 1e-6  # relative error of a float32 in a few of its last digits
FIT_GENOMES = 1536  # references for the fit, at most: 200 MB of memory, and more bring no gain (RESULTS.md)


@dataclass(frozen=True)
class Projection:
    """`unit((features - mean) @ matrix)`; the FAISS name of the fit is PCAMatrix with eigen_power -0.25."""

    mean: Floats  # (D,)
    matrix: Floats  # (D, d)

    @property
    def dim(self) -> int:
        return int(self.matrix.shape[1])

    def apply(self, features: Floats) -> Floats:
        """(N, D) features -> (N, d) rows of length 1."""
        return unit(features @ self.matrix - self.mean @ self.matrix)

    def save(self, path: Path) -> None:
        with path.open("wb") as file:
            np.savez(file, mean=self.mean, matrix=self.matrix)

    @classmethod
    def load(cls, path: Path) -> Projection:
        with np.load(path, allow_pickle=False) as arrays:
            return cls(arrays["mean"], arrays["matrix"])


def fit_projection(features: Floats, dim: int, whitening: float) -> Projection:
    """Principal components times variance ** (-whitening / 2): (N, D) -> at most `dim`, and fewer than N.

    With `dim` NO_PROJECTION nothing is fitted: the features of a trained encoder are vectors already. Else
    `features` is centred in place. The components come from the N x N Gram matrix, as in FAISS's PCAMatrix
    for N < D, which the tests compare with; FAISS needs a second copy of the features, this does not.
    """
    if dim == NO_PROJECTION:
        width = features.shape[1]
        return Projection(np.zeros(width, np.float32), np.eye(width, dtype=np.float32))
    mean = features.mean(axis=0)
    features -= mean
    gram = (features @ features.T).astype(np.float64)
    variances, directions = np.linalg.eigh(gram)
    variances, directions = variances[::-1][:dim], directions[:, ::-1][:, :dim]
    # The variance that centring leaves of identical genomes.
    rounding = len(features) * ROUNDING**2 * float(mean @ mean)
    informative = variances > max(1e-7 * float(variances[0]), rounding)
    if not informative.any():  # one genome, or identical ones: there are no differences to keep
        return Projection(np.zeros_like(mean), _plain_components(mean))
    variances, directions = variances[informative], directions[:, informative]
    scale = variances**-0.5 * (variances / len(features)) ** (-whitening / 2)
    return Projection(mean, np.asarray(features.T @ (directions * scale).astype(np.float32)))


def nearest_reference(features: Floats, references: Rows, queries: Rows, dim: int, whitening: float) -> Rows:
    """The nearest reference of each query, by a projection fitted on the references: (Q,) -> (Q,).

    `features` are (N, D); `references` and `queries` are rows of them.
    """
    projection = fit_projection(features[references].copy(), dim, whitening)
    similarity = projection.apply(features[queries]) @ projection.apply(features[references]).T
    return np.asarray(references[similarity.argmax(axis=1)])


def _plain_components(mean: Floats) -> Floats:
    """The projection for one distinct genome: its own direction, not centred, so that it finds itself."""
    return unit(mean[None]).T.copy()
