"""Features of a call at one level, as numbers: how near, how far the next name, how dense the neighbourhood.

All of them are relative to the index itself: "near" means nearer than the best hit's own neighbours of another
name (its isolation) and about as near as its neighbours of the same name (its cohesion), each also averaged
over the ten nearest hits, so that a taxon with one genome borrows the scale of the taxa around it.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from genome_index.index.calibration.hits import HeldOut, Hits, NeighbourTable
from genome_index.index.calibration.thresholds import SpeciesThresholds
from genome_index.taxonomy.levels import UNKNOWN, Level

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
Scalar = TypeVar("Scalar", bound=np.generic)

LOCAL = 10  # hits whose isolation and cohesion are averaged

FEATURES = (
    "best",  # score of the best hit that bears the elected name
    "margin",  # over the best hit of another name
    "share",  # of the votes
    "similarity",  # of that best hit
    "k-mer identity",  # of that best hit
    "above isolation",  # best score less the best hit's own nearest of another name
    "above local isolation",  # the same, averaged over the ten nearest hits
    "above cohesion",  # best score less the best hit's own nearest of the same name (and another finer one)
    "above local cohesion",
    "alone",  # 1 where no other genome bears the best hit's name, so that its cohesion is unknown
    "second",  # score of the second hit of the name less the best
    "density",  # mean score of the ten nearest hits
    "hits of the name",  # log of 1 + hits that bear the name
    "ani",  # percent, of the best verified hit of the name
    "af",  # percent, the larger direction of the same hit
    "ani margin",  # over the best verified hit of another name
    "local success",  # share of the ten nearest hits whose own nearest bears their name: do names hold here?
    "local alone",  # share of them whose name no other genome bears
    "above local nearest",  # best score less what these hits find themselves, of whatever name
    "contrast",  # cohesion less isolation of the best hit
    "as near, narrow",  # of the hits whose own nearest is as near as the best hit: share of one name with it
    "as near, middle",
    "as near, wide",
)
WIDTHS = (0.05, 0.15, 0.4)  # of score, within which one distance counts as like another
LEAST_ANI = 70.0  # stands for an ANI below skani's range
BLOCK = 256  # queries at a time: (Q, K, M) arrays stay under 10 MB


def features_of(
    hits: Hits,
    level: Level,
    finer: Level | None,
    elected: npt.NDArray[np.int32],
    share: Floats,
    neighbours: NeighbourTable,
    held: HeldOut,
) -> Floats:
    """What the elected names rest on: (Q, len(FEATURES)), finite everywhere."""
    blocks = []
    for start in range(0, len(elected), BLOCK):
        part = slice(start, start + BLOCK)
        some = hits.only(part)
        barred = HeldOut(held.self_rows[part], held.codes, held.own[part])
        blocks.append(_features(some, level, finer, elected[part], share[part], neighbours, barred))
    return np.concatenate(blocks) if blocks else np.empty((0, len(FEATURES)), np.float32)


def _features(
    hits: Hits,
    level: Level,
    finer: Level | None,
    elected: npt.NDArray[np.int32],
    share: Floats,
    neighbours: NeighbourTable,
    held: HeldOut,
) -> Floats:
    codes = np.where(hits.rows >= 0, level.codes[hits.rows], UNKNOWN)
    scores = np.where(hits.rows >= 0, hits.score, -np.inf)
    least = np.min(scores, axis=1, where=np.isfinite(scores), initial=np.inf)
    least = np.where(np.isfinite(least), least, 0)
    inside = (codes == elected[:, None]) & (elected != UNKNOWN)[:, None]
    outside = ~inside & (codes != UNKNOWN)
    best, at = _best(scores, inside, least)
    other, _ = _best(scores, outside, least)
    second, _ = _best(np.where(np.arange(scores.shape[1]) == at[:, None], -np.inf, scores), inside, least)
    all_isolation, all_cohesion = _isolation_and_cohesion(hits.rows, level, finer, neighbours, held)
    isolation, cohesion = all_isolation[:, :LOCAL], all_cohesion[:, :LOCAL]
    own_isolation, own_cohesion = (
        table[:, 0]
        for table in _isolation_and_cohesion(_at(hits.rows, at)[:, None], level, finer, neighbours, held)
    )
    local_isolation, local_cohesion = _mean(isolation, best), _mean(cohesion, best)
    ani, af, other_ani = _identity(hits, inside, outside)
    known = np.where(np.isfinite(scores), scores, np.nan)
    columns = [
        best, best - other, share, _at(hits.similarity, at), _at(hits.kmer_identity, at),
        best - np.where(np.isnan(own_isolation), local_isolation, own_isolation), best - local_isolation,
        np.where(np.isnan(own_cohesion), 0, best - own_cohesion), best - local_cohesion,
        np.isnan(own_cohesion), second - best, _mean(known[:, :LOCAL], best),
        np.log1p(inside.sum(axis=1)), ani, af, ani - other_ani,
        _mean(_success(isolation, cohesion), 0 * best), _mean(_alone(isolation, cohesion), 0 * best + 1),
        best - _mean(np.fmax(isolation, cohesion), best), np.nan_to_num(own_cohesion - own_isolation),
        *(_as_near(best, all_isolation, all_cohesion, width) for width in WIDTHS),
    ]  # fmt: skip  # in the order of FEATURES
    return np.stack([np.asarray(column, np.float32) for column in columns], axis=1)


def _success(isolation: Floats, cohesion: Floats) -> Floats:
    """1 where a hit's nearest genome bears its name: (Q, H), NaN where there is no hit."""
    held = np.nan_to_num(cohesion, nan=-np.inf) > isolation
    return np.where(np.isnan(isolation), np.nan, held).astype(np.float32)


def _as_near(best: Floats, isolation: Floats, cohesion: Floats, width: float) -> Floats:
    """How often is one this near of the same name? Of the hits with their own nearest: (Q,), (Q, K) -> (Q,).

    Hits weigh by how like the two distances are; a half stands for no hit at all.
    """
    held = _success(isolation, cohesion)
    alike = np.exp(-(((np.fmax(isolation, cohesion) - best[:, None]) / width) ** 2) / 2)
    weight = np.where(np.isnan(held), 0, alike)
    return np.asarray(((weight * np.nan_to_num(held)).sum(axis=1) + 0.25) / (weight.sum(axis=1) + 0.5))


def _alone(isolation: Floats, cohesion: Floats) -> Floats:
    return np.where(np.isnan(isolation), np.nan, np.isnan(cohesion)).astype(np.float32)


def _isolation_and_cohesion(
    rows: Rows, level: Level, finer: Level | None, neighbours: NeighbourTable, held: HeldOut
) -> tuple[Floats, Floats]:
    """Each hit's isolation and cohesion among what is not barred: (Q, H) -> two (Q, H), NaN if unknown."""
    near = neighbours.rows[rows]  # (Q, H, M)
    known = (near >= 0) & (rows >= 0)[:, :, None]
    scores = np.where(known, neighbours.score[rows], -np.inf)
    # If all bear one name, the isolation is at most this.
    floor = np.min(scores, axis=2, where=known, initial=np.inf)
    seen = known & ~held.bars(near)
    own = level.codes[rows][:, :, None]
    other = level.codes[near]
    foreign = seen & (other != own) & (other != UNKNOWN) & (own != UNKNOWN)
    same = seen & (other == own) & (own != UNKNOWN)
    if finer is not None:
        same &= finer.codes[near] != finer.codes[rows][:, :, None]
    isolation = np.max(scores, axis=2, where=foreign, initial=-np.inf)
    isolation = np.where(np.isfinite(isolation), isolation, np.where(np.isfinite(floor), floor, np.nan))
    cohesion = np.max(scores, axis=2, where=same, initial=-np.inf)
    return isolation, np.where(np.isfinite(cohesion), cohesion, np.nan)


def _identity(
    hits: Hits, inside: npt.NDArray[np.bool_], outside: npt.NDArray[np.bool_]
) -> tuple[Floats, Floats, Floats]:
    """Best ANI and its larger aligned fraction inside the name, best ANI outside: three (Q,)."""
    measured = np.nan_to_num(hits.ani, nan=LEAST_ANI)  # NaN here means "below the range", not "unknown"
    ani, at = _best(measured, inside, np.full(len(inside), LEAST_ANI))
    af = np.nan_to_num(np.fmax(_at(hits.af_query, at), _at(hits.af_reference, at)))
    other, _ = _best(measured, outside, np.full(len(inside), LEAST_ANI))
    return ani, np.where(ani > LEAST_ANI, af, 0), other


def _best(scores: Floats, where: npt.NDArray[np.bool_], otherwise: Floats) -> tuple[Floats, Rows]:
    """The best score among some hits and its place: (Q, K) -> (Q,), (Q,); `otherwise` where there is none."""
    masked = np.where(where, scores, -np.inf)
    at = masked.argmax(axis=1)
    found = _at(masked, at)
    return np.where(np.isfinite(found), found, otherwise), at


def _at(table: npt.NDArray[Scalar], at: Rows) -> npt.NDArray[Scalar]:
    """One value of each row: (Q, K), (Q,) -> (Q,)."""
    return np.take_along_axis(table, at[:, None], axis=1)[:, 0]


def _mean(table: Floats, otherwise: Floats) -> Floats:
    """Mean of what is known in each row: (Q, H) with NaN -> (Q,)."""
    known = ~np.isnan(table)
    return np.where(
        known.any(axis=1), np.where(known, table, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1), otherwise
    )


def relative_to_needed(
    features: Floats,
    hits: Hits,
    self_rows: Rows,
    elected: npt.NDArray[np.int32],
    level: Level,
    thresholds: SpeciesThresholds,
) -> Floats:
    """ANI less what the elected species asks for, in place of ANI; its own row tells a query nothing."""
    found = features.copy()
    column = FEATURES.index("ani")
    for i in range(len(elected)):
        rows = hits.rows[i][hits.rows[i] >= 0]
        bearers = rows[level.codes[rows] == elected[i]]
        if elected[i] != UNKNOWN and len(bearers):
            found[i, column] -= thresholds.needed(int(bearers[0]), (int(self_rows[i]),))
    return found
