"""Election of a name: the nearest hits vote for the names that they have at one level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.index.calibration.hits import KMER_FLOOR, KMER_WEIGHT, Hits
from genome_index.taxonomy.levels import UNKNOWN, Level

Floats = npt.NDArray[np.float32]

VOTERS = 20  # hits that vote for a name


@dataclass(frozen=True)
class Vote:
    """How hits elect a name: a hit weighs exp(score / temperature)."""

    kmer_weight: float = KMER_WEIGHT  # of k-mer identity within this score
    temperature: float = 0.05


def elect(hits: Hits, level: Level, vote: Vote) -> tuple[npt.NDArray[np.int32], Floats]:
    """Each query's name at a level, and share of the votes: (Q,) codes, (Q,). UNKNOWN if no hit has one."""
    codes = np.where(hits.rows >= 0, level.codes[hits.rows], UNKNOWN)
    known = codes != UNKNOWN
    votes = np.where(known, hits.similarity + vote.kmer_weight * (hits.kmer_identity - KMER_FLOOR), -np.inf)
    top = np.argsort(-votes, axis=1, kind="stable")[:, :VOTERS]
    votes, codes, known = (np.take_along_axis(table, top, axis=1) for table in (votes, codes, known))
    best = np.max(votes, axis=1, initial=-np.inf, keepdims=True)
    weights = np.where(known, np.exp((votes - np.where(np.isfinite(best), best, 0)) / vote.temperature), 0)
    tallies = ((codes[:, :, None] == codes[:, None, :]) * weights[:, None, :]).sum(axis=2) * known
    winner = tallies.argmax(axis=1)
    chosen = np.take_along_axis(codes, winner[:, None], axis=1)[:, 0].astype(np.int32)
    total = weights.sum(axis=1)
    share = np.take_along_axis(tallies, winner[:, None], axis=1)[:, 0] / np.where(total > 0, total, 1)
    return np.where(total > 0, chosen, UNKNOWN).astype(np.int32), share.astype(np.float32)
