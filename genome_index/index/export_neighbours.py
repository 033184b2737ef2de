"""Nearest references among the genomes that are exported."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from genome_index.index.index import Index
from genome_index.index.store.pair_table import positions

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


def nearest(index: Index, rows: Rows) -> tuple[Rows, Floats]:
    """Nearest references of N rows that are among them, as positions: (N, M) with -1, and scores (N, M)."""
    around = index.model.around
    return positions(rows, len(around.rows))[around.rows[rows]], around.score[rows]
