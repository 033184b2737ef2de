"""Nearest references of an index's own genomes, from the table of neighbours that each snapshot has.

Nothing is searched or compared again, so this takes a second for thousands of genomes. A reference's hits are
those of a query with that reference left out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from genome_index.index.calibration.hits import KMER_FLOOR, KMER_WEIGHT, Hits, NeighbourTable
from genome_index.index.calibration.model import CANDIDATES
from genome_index.index.index import Index
from genome_index.index.store.pair_table import PairTable, keys_of, positions

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

BLOCK = 1_024  # references whose neighbours' vectors are in memory at a time


def live_rows(index: Index) -> Rows:
    """Rows of the genomes that are in the index, removed ones left out: (L,)."""
    return np.flatnonzero(index.model.live)


def neighbour_hits(index: Index, rows: Rows, pairs: PairTable | None = None) -> Hits:
    """Hits of some references, by descending score: (Q,) rows -> Hits, (Q, K).

    Removed genomes are not hits. ANI is NaN for a pair below its range, or never measured.
    """
    neighbours = index.model.neighbours
    near = neighbours.rows[rows].astype(np.int64)
    near = np.where((near >= 0) & index.model.live[near], near, -1)
    similarity = _similarity(index.model.vectors.rows(), rows, near)
    identity = (neighbours.score[rows] - similarity) / KMER_WEIGHT + KMER_FLOOR
    identity = np.where(near >= 0, np.clip(identity, KMER_FLOOR, 1), KMER_FLOOR)
    evidence = _evidence(index.pairs() if pairs is None else pairs, rows, near)
    similarity = np.where(near >= 0, similarity, -np.inf)
    hits = Hits(near, similarity.astype(np.float32), identity.astype(np.float32), *evidence)
    return hits.take(np.argsort(near < 0, axis=1, kind="stable"))


def _similarity(vectors: Floats, rows: Rows, near: Rows) -> Floats:
    """Cosine of each row with its neighbours: (Q,), (Q, K) -> (Q, K)."""
    cosines = np.empty(near.shape, np.float32)
    for start in range(0, len(rows), BLOCK):
        block = slice(start, start + BLOCK)
        cosines[block] = np.einsum("qd,qkd->qk", vectors[rows[block]], vectors[near[block]])
    return cosines


def _evidence(pairs: PairTable, rows: Rows, near: Rows) -> tuple[Floats, Floats, Floats]:
    """ANI, and aligned fraction of the row and of its neighbour: (Q, K) each, percent."""
    own = np.broadcast_to(rows[:, None], near.shape)
    values = np.where((near >= 0)[..., None], pairs.get(keys_of(own, np.maximum(near, 0))), np.nan)
    ani, af_lesser, af_greater = np.moveaxis(values, -1, 0)
    first = own < near
    return ani, np.where(first, af_lesser, af_greater), np.where(first, af_greater, af_lesser)


def nearest(index: Index, rows: Rows) -> tuple[Rows, Floats]:
    """Nearest references of N rows among these rows, as positions: (N, M), -1 for others; scores (N, M)."""
    neighbours = index.model.neighbours
    return positions(rows, len(neighbours.rows))[neighbours.rows[rows]], neighbours.score[rows]


def with_new_rows(neighbours: NeighbourTable, rows: Rows, near: Rows, scores: Floats) -> NeighbourTable:
    """The table with new genomes: their own neighbours, and their places among the neighbours of others.

    Parameters
    ----------
    neighbours : NeighbourTable
        (N, M) neighbours of the genomes so far.
    rows : (A,) rows of the new genomes, from N upwards
    near, scores : (A, K) nearest rows of the new genomes, -1 for none, and their scores
    """
    candidates: dict[int, list[tuple[float, int]]] = {}
    for row, line, line_scores in zip(rows.tolist(), near.tolist(), scores.tolist(), strict=True):
        for other, value in zip(line, line_scores, strict=True):
            if other >= 0:
                candidates.setdefault(row, []).append((value, other))
                candidates.setdefault(other, []).append((value, row))
    table = _widened(neighbours, len(rows))
    for row, more in candidates.items():
        _insert(table, row, more)
    return table


def _widened(neighbours: NeighbourTable, new: int) -> NeighbourTable:
    """A copy with `new` empty rows, as wide as a table of so many genomes is."""
    genomes, width = len(neighbours.rows) + new, neighbours.rows.shape[1]
    pad = ((0, new), (0, max(width, min(CANDIDATES, genomes - 1)) - width))
    return NeighbourTable(np.pad(neighbours.rows, pad, constant_values=-1), np.pad(neighbours.score, pad))


def _insert(table: NeighbourTable, row: int, more: Sequence[tuple[float, int]]) -> None:
    """Add neighbours, as scores and rows, to one row of the table, which keeps the best ones, best first."""
    width = table.rows.shape[1]
    line = zip(table.score[row].tolist(), table.rows[row].tolist(), strict=True)
    known = {(value, other) for value, other in line if other >= 0}
    scores = {other: value for value, other in sorted(known | set(more))}
    best = sorted(scores.items(), key=lambda item: -item[1])[:width]
    table.rows[row] = [other for other, _ in best] + [-1] * (width - len(best))
    table.score[row] = [value for _, value in best] + [0.0] * (width - len(best))
