"""Mislabels: references whose label disagrees with their neighbours.

Genomes of the same name are usually near each other; the collection itself shows how near. A label is
doubtful if the nearest genome of the same name is farther than for nearly all genomes, and a genome of
another name is as near as genomes of the same name usually are. Of two genomes that disagree, the one that
fits its own label worse is set aside first and the others are judged again, so that a correctly labelled
genome is not blamed for a wrongly labelled one.
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

# "Fit" is the score of the nearest genome of the same name.
FAR = 0.10  # a fit is low if at most this share of genomes has the same or a lower one
NEAR = 0.10  # another name is near if its score exceeds at least this share of all fits
LEAD = 1.0  # of the other name's score over the fit; an eighth in k-mer identity
AGREED, AGREED_LEAD = 3, 0.5  # the lead that is enough if so many of the WITNESSES have the other name
WITNESSES = 5  # nearest hits; the more of them have the other name, the sooner a label is set aside
AT_ONCE = 5  # a fifth of the doubtful labels is set aside before the others are judged again
AUDITED = RANKS[RANKS.index("family") : RANKS.index("species") + 1]


@dataclass(frozen=True)
class Mislabel:
    """A reference that resembles genomes of another name than its own."""

    row: int
    rank: str
    label: str
    looks_like: str
    fits: float  # score of the nearest genome of the same name, 0 if there is none among its hits
    fits_other: float  # score of the nearest genome of another name
    witness: int  # row of that genome


def find_mislabels(model: Model, rows: Rows, mixed: Iterable[int] = ()) -> list[Mislabel]:
    """The mislabels among (L,) live rows, at most one for a reference, at the broadest doubtful rank.

    Names of `mixed` genomes, part of which is of another genus, are neither judged nor used as evidence. At a
    finer rank the same holds for genomes with a doubtful name at a broader one.
    """
    mislabels: dict[int, Mislabel] = {}
    near = live_neighbours(model, rows)
    for rank in AUDITED:
        if rank in model.levels:
            for mislabel in at_rank(_without(model.levels[rank], {*mixed, *mislabels}), rows, near):
                mislabels.setdefault(mislabel.row, mislabel)
    return list(mislabels.values())


def live_neighbours(model: Model, rows: Rows) -> NeighbourTable:
    """The table of nearest references of some rows, without genomes removed since: (Q, M)."""
    near = model.neighbours.rows[rows]
    removed = (near < 0) | ~model.live[near]
    order = np.argsort(removed, axis=1, kind="stable")
    near = np.take_along_axis(np.where(removed, -1, near), order, axis=1)
    return NeighbourTable(near, np.take_along_axis(model.neighbours.score[rows], order, axis=1))


def _without(level: Level, mixed: Iterable[int]) -> Level:
    codes = level.codes.copy()
    codes[list(mixed)] = UNKNOWN
    return Level(level.name, level.names, codes)


def at_rank(level: Level, rows: Rows, hits: NeighbourTable) -> Iterator[Mislabel]:
    """The mislabels at one rank, worst first; a name of a single genome cannot be judged.

    `hits` are the nearest references of `rows`, in their order.
    """
    codes = level.codes.copy()
    near, scores = hits.rows.astype(np.int64), np.where(hits.rows >= 0, hits.score, -np.inf)
    while True:
        fits, others, at = _fits(codes, rows, near, scores)
        agreeing = _agreeing(codes, near, at)
        leads = others - fits > np.where(agreeing >= AGREED, AGREED_LEAD, LEAD)
        witnesses = near[np.arange(len(rows)), at]
        doubtful = np.flatnonzero(leads & _are_doubtful(codes, rows, fits, others, witnesses))
        if not len(doubtful):
            return
        worst = doubtful[np.lexsort((fits[doubtful] - others[doubtful], -agreeing[doubtful]))]
        for place in worst[: max(1, len(worst) // AT_ONCE)].tolist():
            row, witness = int(rows[place]), int(witnesses[place])
            yield Mislabel(
                row, level.name, level.names[codes[row]], level.names[level.codes[witness]],
                float(fits[place]), float(others[place]), witness,
            )  # fmt: skip
            codes[row] = UNKNOWN


def _fits(
    codes: Codes, rows: Rows, near: Rows, scores: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], Rows]:
    """Scores of the nearest genome of the same and of another name, and the place of the latter: (Q,) each.

    A score is 0 where there is no such genome.
    """
    own, theirs = codes[rows][:, None], np.where(near >= 0, codes[near], UNKNOWN)
    known = (theirs != UNKNOWN) & (own != UNKNOWN)
    same = np.where(known & (theirs == own), scores, 0).astype(np.float32)
    others = np.where(known & (theirs != own), scores, 0).astype(np.float32)
    return same.max(axis=1, initial=0), others.max(axis=1, initial=0), others.argmax(axis=1)


def _agreeing(codes: Codes, near: Rows, at: Rows) -> Rows:
    """How many of the first WITNESSES hits have the name of the hit at place `at`: (Q,)."""
    theirs = np.where(near >= 0, codes[near], UNKNOWN)
    name = np.take_along_axis(theirs, at[:, None], axis=1)
    return np.asarray(((theirs == name) & (name != UNKNOWN))[:, :WITNESSES].sum(axis=1))


def _are_doubtful(
    codes: Codes, rows: Rows, fits: npt.NDArray[np.float32], others: npt.NDArray[np.float32], witnesses: Rows
) -> Flags:
    """Whether a fit is low here, another name near, and the witness fits its own name better."""
    own = codes[rows]
    genomes = np.bincount(own[own != UNKNOWN], minlength=1)
    can_be_judged = (own != UNKNOWN) & (genomes[np.maximum(own, 0)] > 1)
    usual = np.sort(fits[can_be_judged])
    if not len(usual):
        return np.asarray(can_be_judged)
    far = np.searchsorted(usual, fits) <= FAR * len(usual)
    near = np.searchsorted(usual, others) >= NEAR * len(usual)
    fit_of = np.zeros(len(codes), np.float32)
    fit_of[rows] = fits
    return np.asarray(can_be_judged & far & near & (fit_of[np.maximum(witnesses, 0)] > fits))
