"""Vote: how the nearest hits elect a name at one level."""

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
    """Weights of the vote: a hit counts exp(score / temperature)."""

    kmer_weight: float = KMER_WEIGHT  # of k-mer identity within this score
    temperature: float = 0.05


def elect(hits: Hits, level: Level, vote: Vote) -> tuple[npt.NDArray[np.int32], Floats]:
    """Elect a name for each query, and give its share of the votes: codes (Q,), shares (Q,).

    The code is UNKNOWN, and the share 0, if no hit has a name at this level.
    """
    codes = np.where(hits.rows >= 0, level.codes[hits.rows], UNKNOWN)
    named = codes != UNKNOWN
    scores = np.where(named, hits.similarity + vote.kmer_weight * (hits.kmer_identity - KMER_FLOOR), -np.inf)
    top = np.argsort(-scores, axis=1, kind="stable")[:, :VOTERS]
    scores, codes, named = (np.take_along_axis(table, top, axis=1) for table in (scores, codes, named))
    best = np.max(scores, axis=1, initial=-np.inf, keepdims=True)
    weights = np.where(named, np.exp((scores - np.where(np.isfinite(best), best, 0)) / vote.temperature), 0)
    tallies = ((codes[:, :, None] == codes[:, None, :]) * weights[:, None, :]).sum(axis=2) * named
    winner = tallies.argmax(axis=1)[:, None]
    total = weights.sum(axis=1)
    share = np.take_along_axis(tallies, winner, axis=1)[:, 0] / np.where(total > 0, total, 1)
    elected = np.where(total > 0, np.take_along_axis(codes, winner, axis=1)[:, 0], UNKNOWN)
    return elected.astype(np.int32), share.astype(np.float32)
