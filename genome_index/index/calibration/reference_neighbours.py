"""Neighbours of references: the nearest by score, and by measured ANI within and beyond their species."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from genome_index.index.calibration.hits import NeighbourTable, score
from genome_index.index.calibration.model import CANDIDATES
from genome_index.index.calibration.pairwise import Comparer
from genome_index.index.calibration.thresholds import SpeciesNeighbours, nearest_by_species
from genome_index.index.store.pair_table import PairTable, positions, rows_of
from genome_index.index.vectors.exact_search import nearest
from genome_index.records import Progress, quiet
from genome_index.taxonomy.levels import UNKNOWN, Level

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

NEIGHBOUR_GENOMES = 8_192  # whose neighbours are compared at a time


def neighbour_table(
    comparer: Comparer, vectors: Floats, rows: Rows, progress: Progress = quiet
) -> NeighbourTable:
    """The CANDIDATES nearest others of each reference, by score: positions within `rows`."""
    shape = len(rows), min(CANDIDATES, len(rows))
    table = NeighbourTable(np.empty(shape, np.int32), np.empty(shape, np.float32))
    for start in range(0, len(rows), NEIGHBOUR_GENOMES):
        progress.stage("neighbours", start, len(rows))
        block = np.arange(start, min(start + NEIGHBOUR_GENOMES, len(rows)))
        table.rows[block], table.score[block] = _nearest_by_score(comparer, vectors, rows, block)
    return table


def _nearest_by_score(comparer: Comparer, vectors: Floats, rows: Rows, block: Rows) -> tuple[Rows, Floats]:
    """Neighbours of the references of a block, and their scores: (Q,) -> (Q, K), 0 where there are fewer."""
    similarity, near = nearest(vectors[block], vectors, CANDIDATES, lambda i: block[i : i + 1])
    identity = comparer.kmer_identity(rows[block, None], np.where(near >= 0, rows[near], -1))
    scores = np.where(near >= 0, score(similarity, identity), -np.inf)
    order = np.argsort(-scores, axis=1, kind="stable")
    ordered = np.take_along_axis(scores, order, axis=1)
    return np.take_along_axis(near, order, axis=1), np.where(np.isfinite(ordered), ordered, 0)


def measured_species_neighbours(
    pairs: PairTable, rows: Rows, levels: Mapping[str, Level]
) -> SpeciesNeighbours:
    """The nearest of the same and of another species among some references, from the pairs measured so far.

    All rows of the result are positions within `rows`.
    """
    position = positions(rows, int(rows.max()) + 1)
    a, b = rows_of(pairs.keys)
    last = int(rows.max())
    inside = (np.maximum(a, b) <= last) & (position[np.minimum(a, last)] >= 0)
    inside &= position[np.minimum(b, last)] >= 0
    species = levels.get("species") or Level("species", (), np.full(len(rows), UNKNOWN, np.int32))
    return nearest_by_species(species, position[a[inside]], position[b[inside]], pairs.values[inside, 0])
