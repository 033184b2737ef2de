"""Vote: how the nearest hits elect a name at one level, by identity where it is measured, else by score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.index.calibration.hits import KMER_FLOOR, KMER_WEIGHT, Hits, effective_ani
from genome_index.taxonomy.levels import UNKNOWN, Level

Floats = npt.NDArray[np.float32]

VOTERS = 20  # hits that vote for a name
BLOCK = 256  # queries at a time: (Q, K, K) arrays stay under 10 MB
ELECTING_ANI = 90.0  # percent, effective; farther genomes are ranked better by votes (tests/bench/RESULTS.md)
ANI_LEAD = 0.5  # points of ANI by which a name must lead to be elected against the votes


@dataclass(frozen=True)
class Vote:
    """Weights of the vote: a hit counts exp(score / temperature)."""

    kmer_weight: float = KMER_WEIGHT  # of k-mer identity within this score
    temperature: float = 0.05


def elect(hits: Hits, level: Level, vote: Vote) -> tuple[npt.NDArray[np.int32], Floats]:
    """Elect a name for each query, and give its share of the votes: codes (Q,), shares (Q,).

    The name with most votes is elected, unless the best hit of another name has an effective ANI of
    ELECTING_ANI that leads its own by more than ANI_LEAD points. The code is UNKNOWN, and the share 0, if no
    hit has a name at this level.
    """
    blocks = [_elect(hits.only(slice(at, at + BLOCK)), level, vote) for at in range(0, len(hits.rows), BLOCK)]
    elected, share = zip(*blocks, strict=True) if blocks else ((), ())
    return np.concatenate([np.empty(0, np.int32), *elected]), np.concatenate(
        [np.empty(0, np.float32), *share]
    )


def _elect(hits: Hits, level: Level, vote: Vote) -> tuple[npt.NDArray[np.int32], Floats]:
    codes = np.where(hits.rows >= 0, level.codes[hits.rows], UNKNOWN)
    votes = _votes(hits, codes, vote)
    total = votes.sum(axis=1)
    ani = np.where(codes != UNKNOWN, np.nan_to_num(effective_ani(hits)), 0)
    tallies, highest = _by_name(codes, votes, np.add), _by_name(codes, ani, np.maximum)
    winner = np.where(total > 0, tallies.argmax(axis=1), 0)[:, None]
    own, most = np.take_along_axis(highest, winner, axis=1)[:, 0], highest.max(axis=1, initial=0)
    leads = (most >= ELECTING_ANI) & (most > own + ANI_LEAD)
    winner = np.where(leads[:, None], highest.argmax(axis=1)[:, None], winner)
    share = np.take_along_axis(tallies, winner, axis=1)[:, 0] / np.where(total > 0, total, 1)
    elected = np.where(total > 0, np.take_along_axis(codes, winner, axis=1)[:, 0], UNKNOWN)
    return elected.astype(np.int32), share.astype(np.float32)


def _votes(hits: Hits, codes: npt.NDArray[np.int32], vote: Vote) -> Floats:
    """The weight of each hit, 0 without a name and beyond the VOTERS best: (Q, K)."""
    named = codes != UNKNOWN
    scores = np.where(named, hits.similarity + vote.kmer_weight * (hits.kmer_identity - KMER_FLOOR), -np.inf)
    place = np.argsort(np.argsort(-scores, axis=1, kind="stable"), axis=1, kind="stable")
    best = np.max(scores, axis=1, initial=-np.inf, keepdims=True)
    weights = np.exp((scores - np.where(np.isfinite(best), best, 0)) / vote.temperature)
    return np.where(named & (place < VOTERS), weights, 0)


def _by_name(codes: npt.NDArray[np.int32], values: Floats, join: np.ufunc) -> Floats:
    """For each hit the sum, or the maximum, of the values of its name's hits: (Q, K), 0 without a name."""
    of_name = (codes[:, :, None] == codes[:, None, :]) & (codes != UNKNOWN)[:, :, None]
    return np.asarray(join.reduce(np.where(of_name, values[:, None, :], 0), axis=2))
