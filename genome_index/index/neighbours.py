"""What an index already knows of its own genomes: each one's nearest references and their evidence.

Nothing is searched or compared anew, so this takes a second for thousands of genomes. A reference's hits are
as of a query with that reference left out.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from genome_index.index.calibration.hits import KMER_FLOOR, KMER_WEIGHT, Hits
from genome_index.index.index import Index
from genome_index.index.store.pair_table import PairTable, keys_of, positions

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

BLOCK = 1_024  # references whose neighbours' vectors are held at a time


def live_rows(index: Index) -> Rows:
    """Rows of the genomes that are in the index now: (L,)."""
    return np.flatnonzero(index.model.live)


def neighbour_hits(index: Index, rows: Rows, pairs: PairTable | None = None) -> Hits:
    """Hits of some references, by descending score: (Q,) rows -> Hits, (Q, K).

    Removed genomes are no hits. ANI is NaN for a pair that was below the range or never measured.
    """
    neighbours = index.model.neighbours
    near = neighbours.rows[rows].astype(np.int64)
    near = np.where((near >= 0) & index.model.live[near], near, -1)
    similarity = _similarity(index.model.vectors.rows(), rows, near)
    words = (neighbours.score[rows] - similarity) / KMER_WEIGHT + KMER_FLOOR
    words = np.where(near >= 0, np.clip(words, KMER_FLOOR, 1), KMER_FLOOR)
    evidence = _evidence(index.pairs() if pairs is None else pairs, rows, near)
    similarity = np.where(near >= 0, similarity, -np.inf)
    hits = Hits(near, similarity.astype(np.float32), words.astype(np.float32), *evidence)
    return hits.take(np.argsort(near < 0, axis=1, kind="stable"))


def _similarity(vectors: Floats, rows: Rows, near: Rows) -> Floats:
    """Cosine of each row with its neighbours: (Q,), (Q, K) -> (Q, K)."""
    found = np.empty(near.shape, np.float32)
    for start in range(0, len(rows), BLOCK):
        block = slice(start, start + BLOCK)
        found[block] = np.einsum("qd,qkd->qk", vectors[rows[block]], vectors[near[block]])
    return found


def _evidence(pairs: PairTable, rows: Rows, near: Rows) -> tuple[Floats, Floats, Floats]:
    """ANI, and aligned fraction of the row and of its neighbour: (Q, K) each, percent."""
    own = np.broadcast_to(rows[:, None], near.shape)
    found = np.where((near >= 0)[..., None], pairs.get(keys_of(own, np.maximum(near, 0))), np.nan)
    ani, af_lesser, af_greater = np.moveaxis(found, -1, 0)
    first = own < near
    return ani, np.where(first, af_lesser, af_greater), np.where(first, af_greater, af_lesser)


def nearest(index: Index, rows: Rows) -> tuple[Rows, Floats]:
    """Nearest references of N rows that are among them, as positions: (N, M) with -1, and scores (N, M)."""
    neighbours = index.model.neighbours
    return positions(rows, len(neighbours.rows))[neighbours.rows[rows]], neighbours.score[rows]
