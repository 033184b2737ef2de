"""Features of an elected name: numbers for how near its hits are and how far the next name.

All but "alone" are evidence: raise the score, the ANI or the aligned fraction of a hit of the name, or lower
that of another, and none of them falls. Nearness is relative to the index itself: "near" is nearer than the
best hit's own neighbours of another name (its isolation) and about as near as its neighbours of the same name
(its cohesion). Both are also averaged over the ten nearest hits, so that a taxon with one genome borrows the
scale of the taxa around it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from genome_index.index.calibration.hits import KMER_FLOOR, HeldOut, Hits, NeighbourTable, effective_ani
from genome_index.index.calibration.thresholds import SpeciesThresholds
from genome_index.taxonomy.levels import UNKNOWN, Level

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]
Scalar = TypeVar("Scalar", bound=np.generic)
Columns = dict[str, npt.NDArray[np.generic]]  # feature -> (Q,)

LOCAL = 10  # hits whose isolation and cohesion are averaged

EVIDENCE = (
    "ani",  # percent, the highest effective ANI of a hit of the name
    "af",  # percent, the highest aligned fraction of a hit of the name that has an ANI
    "ani lead",  # effective ANI less that of the best hit of another name
    "k-mer identity",  # of the best hit of the name
    "score lead",  # best score less that of the best hit of another name
    "share",  # of the votes
    "hits of the name",  # log of 1 + their number
    "above isolation",  # best score less the best hit's isolation
    "above local isolation",  # the same, with the mean isolation of the ten nearest hits
    "above cohesion",  # best score less the best hit's cohesion; 0 if that is unknown
    "above local cohesion",  # the same, with the mean cohesion of the ten nearest hits
    "above local nearest",  # best score less the mean score of their own nearest neighbours, of any name
)
FEATURES = (
    *EVIDENCE,
    "alone",  # 1 if no other genome has the best hit's name, so that its cohesion is unknown
)
LEAST_ANI = 70.0  # stands for an ANI below skani's range
BLOCK = 256  # queries at a time: (Q, K, M) arrays stay under 10 MB


def features_of(
    hits: Hits,
    level: Level,
    finer: Level | None,
    elected: Codes,
    share: Floats,
    neighbours: NeighbourTable,
    held: HeldOut,
) -> Floats:
    """Features of the elected names: (Q, len(FEATURES)), finite everywhere.

    Parameters
    ----------
    finer
        The next more specific level. A neighbour of the same name counts for the cohesion only if it differs
        in this level: two genomes of one species do not show how near the species of a genus are.
    elected, share
        The elected codes and their shares of the votes: (Q,), (Q,).
    held
        References hidden from each query, among the neighbours of its hits too.
    """
    blocks = []
    for start in range(0, len(elected), BLOCK):
        part = slice(start, start + BLOCK)
        hidden = HeldOut(held.self_rows[part], held.codes, held.own[part])
        references = _References(level, finer, neighbours, hidden)
        columns = _features(hits.only(part), elected[part], references) | {"share": share[part]}
        blocks.append(np.stack([np.asarray(columns[name], np.float32) for name in FEATURES], axis=1))
    return np.concatenate(blocks) if blocks else np.empty((0, len(FEATURES)), np.float32)


@dataclass(frozen=True)
class _References:
    """The references at one level, as a block of queries may see them."""

    level: Level
    finer: Level | None
    neighbours: NeighbourTable
    held: HeldOut


def _features(hits: Hits, elected: Codes, references: _References) -> Columns:
    """All features but the share of the votes."""
    is_hit = hits.rows >= 0
    codes = np.where(is_hit, references.level.codes[hits.rows], UNKNOWN)
    same = (codes == elected[:, None]) & (elected != UNKNOWN)[:, None]
    other = ~same & (codes != UNKNOWN)
    scores = np.where(is_hit, hits.score, -np.inf)
    least = _least(scores)
    best, place = _best(scores, same, least)
    own = _isolation_and_cohesion(_at(hits.rows, place)[:, None], references)
    around = _isolation_and_cohesion(hits.rows[:, :LOCAL], references)
    return {
        "k-mer identity": np.max(hits.kmer_identity, axis=1, where=same, initial=KMER_FLOOR),
        "score lead": best - _best(scores, other, least)[0],
        "hits of the name": np.log1p(same.sum(axis=1)),
        **_of_best_hit(best, own[0][:, 0], own[1][:, 0], around[0]),
        **_of_local_hits(best, *around),
        **_of_ani(hits, same, other),
    }


def _least(scores: Floats) -> Floats:
    """The lowest score of each query's hits, which stands for that of a missing hit; 0 without hits: (Q,)."""
    least = np.min(scores, axis=1, where=np.isfinite(scores), initial=np.inf)
    return np.where(np.isfinite(least), least, 0)


def _of_best_hit(best: Floats, isolation: Floats, cohesion: Floats, local_isolation: Floats) -> Columns:
    """What the best hit's own neighbours show: (Q,) each, and the local hits' isolation (Q, LOCAL)."""
    known = np.where(np.isnan(isolation), _mean(local_isolation, best), isolation)
    return {
        "above isolation": best - known,
        "above cohesion": np.where(np.isnan(cohesion), 0, best - cohesion),
        "alone": np.isnan(cohesion),
    }


def _of_local_hits(best: Floats, isolation: Floats, cohesion: Floats) -> Columns:
    """What the neighbours of the nearest hits show: (Q,), (Q, LOCAL), (Q, LOCAL)."""
    return {
        "above local isolation": best - _mean(isolation, best),
        "above local cohesion": best - _mean(cohesion, best),
        "above local nearest": best - _mean(np.fmax(isolation, cohesion), best),
    }


def _isolation_and_cohesion(rows: Rows, references: _References) -> tuple[Floats, Floats]:
    """Isolation and cohesion of hits among the neighbours that are not hidden: (Q, H) -> two (Q, H).

    NaN where they are unknown. If all neighbours have the name of the hit, or are hidden, its isolation is at
    most the lowest score among them, and that is taken.
    """
    level, neighbours = references.level, references.neighbours
    near = neighbours.rows[rows]  # (Q, H, M)
    known = (near >= 0) & (rows >= 0)[:, :, None]
    scores = np.where(known, neighbours.score[rows], -np.inf)
    visible = known & ~references.held.bars(near)
    own, near_codes = level.codes[rows][:, :, None], level.codes[near]
    other = visible & (near_codes != own) & (near_codes != UNKNOWN) & (own != UNKNOWN)
    same = visible & (near_codes == own) & (own != UNKNOWN)
    if references.finer is not None:
        same &= references.finer.codes[near] != references.finer.codes[rows][:, :, None]
    floor = np.min(scores, axis=2, where=known, initial=np.inf)
    isolation = np.max(scores, axis=2, where=other, initial=-np.inf)
    isolation = np.where(np.isfinite(isolation), isolation, np.where(np.isfinite(floor), floor, np.nan))
    cohesion = np.max(scores, axis=2, where=same, initial=-np.inf)
    return isolation, np.where(np.isfinite(cohesion), cohesion, np.nan)


def _of_ani(hits: Hits, same: Flags, other: Flags) -> Columns:
    """ANI and aligned fraction; a missing ANI counts as LEAST_ANI, for it is below skani's range."""
    ani = np.maximum(np.nan_to_num(effective_ani(hits), nan=LEAST_ANI), LEAST_ANI)
    af = np.where(np.isnan(hits.ani), 0, np.nan_to_num(np.fmax(hits.af_query, hits.af_reference)))
    best = np.max(ani, axis=1, where=same, initial=LEAST_ANI)
    return {
        "ani": best,
        "af": np.max(af, axis=1, where=same, initial=0),
        "ani lead": best - np.max(ani, axis=1, where=other, initial=LEAST_ANI),
    }


def _best(values: Floats, where: Flags, otherwise: Floats) -> tuple[Floats, Rows]:
    """The highest value among some hits and its place: (Q, K) -> (Q,), (Q,); `otherwise` if there is none."""
    masked = np.where(where, values, -np.inf)
    place = masked.argmax(axis=1)
    best = _at(masked, place)
    return np.where(np.isfinite(best), best, otherwise), place


def _at(table: npt.NDArray[Scalar], place: Rows) -> npt.NDArray[Scalar]:
    """One value of each row: (Q, K), (Q,) -> (Q,)."""
    return np.take_along_axis(table, place[:, None], axis=1)[:, 0]


def _mean(table: Floats, otherwise: Floats) -> Floats:
    """The mean of the known values of each row: (Q, H) with NaN -> (Q,); `otherwise` if there is none."""
    known = ~np.isnan(table)
    mean = np.where(known, table, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return np.where(known.any(axis=1), mean, otherwise)


def required_ani(
    hits: Hits, self_rows: Rows, elected: Codes, level: Level, thresholds: SpeciesThresholds
) -> Floats:
    """The ANI that each elected species requires: (Q,) in percent, 0 where no hit is of an elected species.

    It is learned without the query's own row: self_rows (Q,), -1 for a real query.
    """
    required = np.zeros(len(elected), np.float32)
    for i in range(len(elected)):
        rows = hits.rows[i][hits.rows[i] >= 0]
        members = rows[level.codes[rows] == elected[i]]
        if elected[i] != UNKNOWN and len(members):
            required[i] = thresholds.required(int(members[0]), (int(self_rows[i]),))
    return required


def relative_to_required(features: Floats, required: Floats) -> Floats:
    """The features with the required ANI (Q,) subtracted from the column `ani`."""
    relative = features.copy()
    relative[:, FEATURES.index("ani")] -= required
    return relative
