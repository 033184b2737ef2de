"""Centre and half-whiten: the learned map from an encoder's features to the vectors that are compared.

Plain spectra of two genomes agree mostly in what all genomes share, and differ in noise that depends on
length; the components fitted on the references keep what tells references apart. Whitening: Su et al. 2021,
arXiv 2103.15316; half of it because full whitening blows up the noisy components (tests/bench/RESULTS.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genome_index.encoders.pooling import unit
from genome_index.spec import AS_THEY_COME

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

ROUNDING = 1e-6  # of a float32, relative, a few of its last digits
FIT_GENOMES = 1536  # fitted on at most so many references: 200 MB at most, and no gain above (RESULTS.md)


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

    With a `dim` of AS_THEY_COME nothing is fitted, taken away or turned: a trained encoder's features are
    vectors already. Else `features` is centred in place. With N < D the components come from the N x N Gram
    matrix, the same way as FAISS's PCAMatrix takes, which is the oracle in the tests; it keeps a second copy
    of the features, this does not.
    """
    if dim == AS_THEY_COME:
        width = features.shape[1]
        return Projection(np.zeros(width, np.float32), np.eye(width, dtype=np.float32))
    mean = features.mean(axis=0)
    features -= mean
    gram = (features @ features.T).astype(np.float64)
    variances, directions = np.linalg.eigh(gram)
    variances, directions = variances[::-1][:dim], directions[:, ::-1][:, :dim]
    # What centring leaves of genomes that are all the same.
    rounding = len(features) * ROUNDING**2 * float(mean @ mean)
    kept = variances > max(1e-7 * float(variances[0]), rounding)
    if not kept.any():  # one genome, or all the same: nothing tells references apart
        return Projection(np.zeros_like(mean), _plain_components(mean))
    variances, directions = variances[kept], directions[:, kept]
    scale = variances**-0.5 * (variances / len(features)) ** (-whitening / 2)
    return Projection(mean, np.asarray(features.T @ (directions * scale).astype(np.float32)))


def nearest_reference(features: Floats, references: Rows, asked: Rows, dim: int, whitening: float) -> Rows:
    """The nearest reference of each asked row, by a projection fitted on the references: (A,) -> (A,).

    `features` are (N, D); `references` and `asked` are rows of them.
    """
    projection = fit_projection(features[references].copy(), dim, whitening)
    similarity = projection.apply(features[asked]) @ projection.apply(features[references]).T
    return np.asarray(references[similarity.argmax(axis=1)])


def _plain_components(mean: Floats) -> Floats:
    """For one distinct genome: its own direction, so that it finds itself and nothing is centred away."""
    return unit(mean[None]).T.copy()
