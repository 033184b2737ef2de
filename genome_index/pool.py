"""Chunk vectors -> genome vectors. The only place that normalises."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


def unit(vectors: Floats) -> Floats:
    """Rows of length 1, so that an inner product is a cosine: (N, D) -> (N, D). A row of zeros stays one."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)


def pool_chunks(chunk_vectors: Floats, lengths_bp: npt.NDArray[np.int64]) -> Floats:
    """Mean weighted by length: (C, D), (C,) -> (D,). Summed in float64, so that the order does not show."""
    weights = lengths_bp / lengths_bp.sum()
    return np.asarray(weights @ chunk_vectors.astype(np.float64), np.float32)
