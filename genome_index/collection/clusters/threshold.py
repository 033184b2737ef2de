"""Threshold of a grouping: the prior of species, or learned from the names of a rank."""

from __future__ import annotations

import numpy as np

from genome_index.collection.clusters.graph import TOP, Rows
from genome_index.errors import UsageError
from genome_index.index.calibration.hits import Hits
from genome_index.index.calibration.model import Model
from genome_index.index.calibration.thresholds import prior_of
from genome_index.taxonomy.levels import UNKNOWN, Level

USUAL = 0.10  # share of genomes that may be farther from their nearest genome of the same name


def reach_of(model: Model, rows: Rows, hits: Hits, rank: str) -> float:
    """Longest edge in a group: for species the prior of the commonest molecule, else learned from names."""
    if rank == "species":
        kinds, counts = np.unique(model.molecules[rows], return_counts=True)
        return 100 - prior_of(str(kinds[counts.argmax()])).ani
    if rank not in model.levels:
        raise UsageError(
            f"--rank {rank}: no genome has a name there; choose one of: {', '.join(model.levels)}"
        )
    return TOP - _usual_score(model.levels[rank], rows, hits)


def _usual_score(level: Level, rows: Rows, hits: Hits) -> float:
    """The score that all but USUAL of the genomes reach with their nearest genome of the same name."""
    codes = np.where(hits.rows >= 0, level.codes[hits.rows], UNKNOWN)
    own = level.codes[rows][:, None]
    best = np.where((codes == own) & (own != UNKNOWN), hits.score, -np.inf).max(axis=1, initial=-np.inf)
    return float(np.quantile(best[np.isfinite(best)], USUAL)) if np.isfinite(best).any() else TOP
