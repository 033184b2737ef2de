"""Species borders: ANI of genomes within and between species, and the ANI that each species requires.

All of it is stored in the index; nothing is measured again. Each kind of molecule has a prior and a border of
its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.index.calibration.model import Model
from genome_index.index.calibration.thresholds import LEAST_ANI, prior_of
from genome_index.index.index import Index
from genome_index.index.neighbours import live_rows
from genome_index.taxonomy.levels import UNKNOWN, Level

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

NEAREST = 0.01  # percent below 100; higher ANI is counted as this
BINS = 36
EDGES = np.linspace(-np.log10(100 - LEAST_ANI), -np.log10(NEAREST), BINS + 1)  # places on the axis of `place`
TICKS = (80, 90, 95, 98, 99, 99.5, 99.9, 99.99)  # percent


@dataclass(frozen=True)
class Border:
    """The N named genomes of one kind of molecule and their S species; percent, NaN if unknown.

    LEAST_ANI or less means that a pair was compared and its ANI is below the range.
    """

    molecule: str
    prior: float  # required ANI of a species without evidence from the index
    within: Floats  # (N,) to the nearest genome of the same species
    between: Floats  # (N,) to the nearest genome of another species
    required: Floats  # (N,) required ANI of its species
    thresholds: Floats  # (S,) required ANI of each species
    unnamed: int  # genomes of the kind without a species, which are in none of the above

    @property
    def band(self) -> tuple[float, float, float]:
        """5th percentile, median and 95th percentile of the required ANI."""
        low, median, high = np.quantile(self.thresholds, (0.05, 0.5, 0.95))
        return float(low), float(median), float(high)

    @property
    def closer_to_another(self) -> int:
        """Number of genomes whose ANI to another species reaches the required ANI of their own."""
        return int((self.between >= self.required).sum())

    @property
    def distant(self) -> int:
        """Number of genomes whose ANI to their own species is below the required ANI."""
        return int((self.within < self.required).sum())

    def sentences(self) -> Iterator[str]:
        """The figure in words."""
        low, median, high = self.band
        species = len(self.thresholds)
        yield (
            f"{species:,} species require{'s' if species == 1 else ''} an ANI of {median:.1f} % in the "
            f"median, nine of ten {low:.1f} to {high:.1f} %; the prior is {self.prior:g} %."
        )
        yield (
            f"Genomes that reach their required ANI with another species: {self.closer_to_another:,}; "
            f"that do not reach it within their own: {self.distant:,}."
        )
        within, between = int(np.isnan(self.within).sum()), int(np.isnan(self.between).sum())
        yield (
            f"Not shown: {within:,} not compared within their species, {between:,} not compared with another"
            + (f", {self.unnamed:,} without a species." if self.unnamed else ".")
        )


@dataclass(frozen=True)
class Identities:
    """One border for each kind of molecule that has a named genome, most genomes first."""

    borders: tuple[Border, ...]


def identities_of(index: Index) -> Identities:
    """The borders of the live genomes of an index."""
    model, rows = index.model, live_rows(index)
    species = model.levels.get("species")
    if species is None:
        return Identities(())
    kinds, counts = np.unique(model.molecules[rows], return_counts=True)
    borders = [
        _border(model, species, str(kind), rows[model.molecules[rows] == kind])
        for kind in kinds[np.argsort(-counts, kind="stable")]
    ]
    return Identities(tuple(border for border in borders if len(border.within)))


def _border(model: Model, species: Level, kind: str, rows: Rows) -> Border:
    named, neighbours = rows[species.codes[rows] != UNKNOWN], model.species_neighbours
    _, first, of = np.unique(species.codes[named], return_index=True, return_inverse=True)
    required = np.array([model.thresholds.required(int(row)) for row in named[first]])
    return Border(
        kind, prior_of(kind).ani, neighbours.same[named].astype(np.float64),
        neighbours.other[named].astype(np.float64), required[of], required, len(rows) - len(named),
    )  # fmt: skip


# -- the axis ------------------------------------------------------------------------------------------------


def place(ani: npt.ArrayLike) -> Floats:
    """Places of ANI (percent) on an axis that widens towards 100: -log10(100 - ANI).

    >>> place([90, 99.9, 100]).round(3).tolist()
    [-1.0, 1.0, 2.0]
    """
    return np.asarray(-np.log10(np.maximum(100 - np.asarray(ani, np.float64), NEAREST)))


def ani_at(places: npt.ArrayLike) -> Floats:
    """The ANI at a place of the axis."""
    return np.asarray(100 - np.power(10.0, -np.asarray(places, np.float64)))


def binned(ani: Floats) -> tuple[Counts, int]:
    """Counts in the bins of EDGES, (BINS,), and the count below them; NaN is left out."""
    known = ani[~np.isnan(ani)]
    inside = known[known > LEAST_ANI]
    # Rounding may put a value just outside the last edge.
    places = np.clip(place(inside), EDGES[0], EDGES[-1])
    return np.histogram(places, EDGES)[0].astype(np.int64), len(known) - len(inside)
