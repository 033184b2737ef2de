"""References whose label disagrees with their neighbours.

Genomes of the same name are near each other, as a rule; how near, the collection itself says. A label is
doubtful where the nearest genome of the same name is farther than it is for nearly all genomes, and a genome
of another name is as near as genomes of the same name usually are. Of two that disagree the one that fits its
own label worse is set aside first, and the others are looked at again, so that a correctly labelled genome is
not blamed for a wrongly labelled one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.index.calibration.hits import NeighbourTable
from genome_index.index.calibration.model import Model
from genome_index.records import RANKS
from genome_index.taxonomy.levels import UNKNOWN, Level

Rows = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]

FAR = 0.10  # share of genomes whose nearest fellow is as far, or farther: no more
NEAR = 0.10  # share of genomes whose nearest fellow is farther than this one's other neighbour: no less
LEAD = 1.0  # of score, of the other neighbour over the nearest fellow; an eighth in word identity
AGREED, AGREED_LEAD = 3, 0.5  # the lead that is enough where so many of the WITNESSES agree on the other name
WITNESSES = 5  # nearest hits; the more of them agree on another name, the sooner a label is set aside
AT_ONCE = 5  # one of so many doubts is set aside before the rest is looked at again
AUDITED = RANKS[RANKS.index("family") : RANKS.index("species") + 1]


@dataclass(frozen=True)
class Mislabel:
    """A reference that looks like another name than its own."""

    row: int
    rank: str
    label: str
    looks_like: str
    fits: float  # score of the nearest fellow, 0 if there is none among its hits
    fits_other: float  # score of the nearest genome of another name
    witness: int  # row of that genome


def find_mislabels(model: Model, rows: Rows, mixed: Iterable[int] = ()) -> list[Mislabel]:
    """At most one a reference, at the broadest rank in doubt: (L,) live rows.

    The names of `mixed` genomes are neither judged nor believed: a part of them is of another name. Nor are,
    at a finer rank, those that are in doubt at a broader one.
    """
    found: dict[int, Mislabel] = {}
    near = live_neighbours(model, rows)
    for rank in AUDITED:
        if rank in model.levels:
            for one in at_rank(_without(model.levels[rank], {*mixed, *found}), rows, near):
                found.setdefault(one.row, one)
    return list(found.values())


def live_neighbours(model: Model, rows: Rows) -> NeighbourTable:
    """Each one's nearest references, those left out that were removed since: (Q, M), nothing is measured."""
    near = model.neighbours.rows[rows]
    gone = (near < 0) | ~model.live[near]
    order = np.argsort(gone, axis=1, kind="stable")
    near = np.take_along_axis(np.where(gone, -1, near), order, axis=1)
    return NeighbourTable(near, np.take_along_axis(model.neighbours.score[rows], order, axis=1))


def _without(level: Level, mixed: Iterable[int]) -> Level:
    codes = level.codes.copy()
    codes[list(mixed)] = UNKNOWN
    return Level(level.name, level.names, codes)


def at_rank(level: Level, rows: Rows, hits: NeighbourTable) -> Iterator[Mislabel]:
    """Those of one rank, worst first; a label that no other genome bears cannot be judged.

    `hits` are the nearest references of `rows`, in their order.
    """
    codes = level.codes.copy()
    near, scores = hits.rows.astype(np.int64), np.where(hits.rows >= 0, hits.score, -np.inf)
    while True:
        fits, other, at = _fits(codes, rows, near, scores)
        agree = _agreeing(codes, near, at)
        leads = other - fits > np.where(agree >= AGREED, AGREED_LEAD, LEAD)
        doubts = np.flatnonzero(leads & _in_doubt(codes, rows, fits, other, near[np.arange(len(rows)), at]))
        if not len(doubts):
            return
        worst = doubts[np.lexsort((fits[doubts] - other[doubts], -agree[doubts]))]
        for one in worst[: max(1, len(worst) // AT_ONCE)].tolist():
            row, witness = int(rows[one]), int(near[one, at[one]])
            yield Mislabel(
                row, level.name, level.names[codes[row]], level.names[level.codes[witness]],
                float(fits[one]), float(other[one]), witness,
            )  # fmt: skip
            codes[row] = UNKNOWN


def _fits(
    codes: Codes, rows: Rows, near: Rows, scores: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], Rows]:
    """Score of the nearest fellow and of the nearest other, 0 for none, and where the other is: (Q,) each."""
    own, theirs = codes[rows][:, None], np.where(near >= 0, codes[near], UNKNOWN)
    known = (theirs != UNKNOWN) & (own != UNKNOWN)
    fellows = np.where(known & (theirs == own), scores, 0).astype(np.float32)
    others = np.where(known & (theirs != own), scores, 0).astype(np.float32)
    return fellows.max(axis=1, initial=0), others.max(axis=1, initial=0), others.argmax(axis=1)


def _agreeing(codes: Codes, near: Rows, at: Rows) -> Rows:
    """How many of the first WITNESSES hits bear the name of the nearest other: (Q,)."""
    theirs = np.where(near >= 0, codes[near], UNKNOWN)
    name = np.take_along_axis(theirs, at[:, None], axis=1)
    return np.asarray(((theirs == name) & (name != UNKNOWN))[:, :WITNESSES].sum(axis=1))


def _in_doubt(
    codes: Codes, rows: Rows, fits: npt.NDArray[np.float32], other: npt.NDArray[np.float32], witness: Rows
) -> Flags:
    own = codes[rows]
    bearers = np.bincount(own[own != UNKNOWN], minlength=1)
    has_fellow = (own != UNKNOWN) & (bearers[np.maximum(own, 0)] > 1)
    usual = np.sort(fits[has_fellow])
    if not len(usual):
        return np.asarray(has_fellow)
    far = np.searchsorted(usual, fits) <= FAR * len(usual)
    near = np.searchsorted(usual, other) >= NEAR * len(usual)
    fit_of = np.zeros(len(codes), np.float32)
    fit_of[rows] = fits
    return np.asarray(has_fellow & far & near & (fit_of[np.maximum(witness, 0)] > fits))
