"""Nearest references among the genomes that are exported."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from genome_index.index import Index

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


def nearest(index: Index, rows: Rows) -> tuple[Rows, Floats]:
    """Nearest references of N rows that are among them, as positions: (N, M) with -1, and scores (N, M)."""
    around = index.model.around
    position = np.full(len(around.rows) + 1, -1)  # its last entry answers for row -1
    position[rows] = np.arange(len(rows))
    return position[around.rows[rows]], around.score[rows]
