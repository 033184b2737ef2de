"""Measured hits: which hits of a query get an ANI, and why another one has none."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from genome_index.classify.reasons import Match
from genome_index.index.calibration.hits import KMER_FLOOR, Hits
from genome_index.index.calibration.model import Model
from genome_index.index.calibration.pairwise import VERIFIED
from genome_index.index.store.skani import BELOW_RANGE, LITTLE_ALIGNED
from genome_index.taxonomy.levels import UNKNOWN

NEXT_NAMES = 3  # species, and genera, beyond the best hits whose best genome is measured too
NEAR_IDENTITY = 0.85  # by shared k-mers, from which on an ANI would be measured if enough were aligned
NOT_SHARED = "not measured: no sampled k-mer is shared, so ANI is below about 82 %"
NOT_MEASURED = "not measured: nearer genomes of the same name, or of enough other names, were"

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


def positions_to_measure(model: Model, rows: Rows, identity: Floats) -> Rows:
    """Positions whose ANI is measured: the best VERIFIED, and the best of NEXT_NAMES more species and genera.

    One species may fill the list; whether another is as near is known only if its best genome is measured.
    `rows` and `identity`, estimated from shared k-mers, are those of one query: (K,).
    """
    chosen = set(range(min(VERIFIED, len(rows))))
    for rank in (rank for rank in ("species", "genus") if rank in model.levels):
        codes = np.where(rows >= 0, model.levels[rank].codes[rows], UNKNOWN)
        names, firsts = np.unique(codes, return_index=True)
        measured = set(codes[sorted(chosen)].tolist())
        new = [at for code, at in zip(names.tolist(), firsts.tolist(), strict=True) if code not in measured]
        chosen.update(sorted(new)[:NEXT_NAMES])
    return np.array([at for at in sorted(chosen) if rows[at] >= 0 and identity[at] > KMER_FLOOR], np.int64)


def why_no_ani(model: Model, hits: Hits, query: int, at: int) -> str:
    """Why a hit has no ANI, as a clause; empty if it has one."""
    if not math.isnan(hits.ani[query, at]):
        return ""
    identity = hits.kmer_identity[query]
    if identity[at] <= KMER_FLOOR:
        return NOT_SHARED
    if at not in positions_to_measure(model, hits.rows[query], identity):
        return NOT_MEASURED
    return LITTLE_ALIGNED if identity[at] >= NEAR_IDENTITY else BELOW_RANGE


def match_at(model: Model, hits: Hits, query: int, at: int, name: str) -> Match:
    """A hit as the reasons of a call tell it, under a name."""
    ani, af_query, af_reference = (
        float(column[query, at]) for column in (hits.ani, hits.af_query, hits.af_reference)
    )
    return Match(name, ani, af_query, af_reference, why_no_ani(model, hits, query, at))
