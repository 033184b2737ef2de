"""How far a group may reach at a rank: what is known of species, or what the rank's own names show."""

from __future__ import annotations

import numpy as np

from genome_index.collection.clusters.graph import TOP, Rows
from genome_index.errors import UsageError
from genome_index.index.calibration.hits import Hits
from genome_index.index.calibration.model import Model
from genome_index.index.calibration.thresholds import prior_of
from genome_index.taxonomy.levels import UNKNOWN, Level

USUAL = 0.10  # share of genomes whose nearest fellow is farther: the threshold of ranks above species


def reach_of(model: Model, rows: Rows, hits: Hits, rank: str) -> float:
    """At species rank that of most genomes' kind; above, what the rank's own names show."""
    if rank == "species":
        kinds, counts = np.unique(model.molecules[rows], return_counts=True)
        return 100 - prior_of(str(kinds[counts.argmax()])).ani
    if rank not in model.levels:
        raise UsageError(
            f"--rank {rank}: no genome has a name there; choose one of: {', '.join(model.levels)}"
        )
    return TOP - _usual_score(model.levels[rank], rows, hits)


def _usual_score(level: Level, rows: Rows, hits: Hits) -> float:
    """The score that all but USUAL of the genomes find with their nearest fellow."""
    codes = np.where(hits.rows >= 0, level.codes[hits.rows], UNKNOWN)
    own = level.codes[rows][:, None]
    fellows = np.where((codes == own) & (own != UNKNOWN), hits.score, -np.inf).max(axis=1, initial=-np.inf)
    return float(np.quantile(fellows[np.isfinite(fellows)], USUAL)) if np.isfinite(fellows).any() else TOP
