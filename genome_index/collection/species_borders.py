"""How near genomes are to their own species and to the next, and what identity the species ask for.

What an index has learned of its own genomes: nothing is measured anew. Each kind of molecule is on its own,
for its prior is.
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
from genome_index.records import counted
from genome_index.taxonomy.levels import UNKNOWN, Level

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

NEAREST = 0.01  # percent that ANI lacks to 100; what is nearer is counted as this near
BINS = 36
EDGES = np.linspace(-np.log10(100 - LEAST_ANI), -np.log10(NEAREST), BINS + 1)  # places on the axis of `place`
TICKS = (80, 90, 95, 98, 99, 99.5, 99.9, 99.99)  # percent


@dataclass(frozen=True)
class Border:
    """The N named genomes of one kind of molecule, and their S species; percent, NaN where nothing is known.

    LEAST_ANI or below stands for a pair that was compared and is below the range of ANI.
    """

    molecule: str
    prior: float  # ANI that a species asks for before the index has said anything
    within: Floats  # (N,) to the nearest genome of the same species
    between: Floats  # (N,) to the nearest genome of another species
    needed: Floats  # (N,) what its species asks for
    thresholds: Floats  # (S,) what each species asks for
    unnamed: int  # genomes of the kind without a species, which are in none of the above

    @property
    def band(self) -> tuple[float, float, float]:
        """5th percentile, median and 95th percentile of what the species ask for."""
        low, median, high = np.quantile(self.thresholds, (0.05, 0.5, 0.95))
        return float(low), float(median), float(high)

    @property
    def strangers(self) -> int:
        """Genomes with another species as near as their own asks for."""
        return int((self.between >= self.needed).sum())

    @property
    def distant(self) -> int:
        """Genomes whose nearest fellow is farther than their species asks for."""
        return int((self.within < self.needed).sum())

    def sentences(self) -> Iterator[str]:
        """What the picture shows, in words."""
        low, median, high = self.band
        species = len(self.thresholds)
        yield (
            f"{species:,} species ask{'s' if species == 1 else ''} for {median:.1f} % in the median, nine of "
            f"ten for {low:.1f} to {high:.1f} %; the prior is {self.prior:g} %."
        )
        yield (
            f"{_are(self.strangers)} nearer to another species than their own asks for; "
            f"{_are(self.distant)} farther from their nearest fellow than their species asks for."
        )
        alone, lonely = int(np.isnan(self.within).sum()), int(np.isnan(self.between).sum())
        yield (
            f"Not shown: {alone:,} without a compared fellow, {lonely:,} without a compared other species"
            + (f", {self.unnamed:,} without a species." if self.unnamed else ".")
        )


def _are(genomes: int) -> str:
    return f"{counted(genomes)} {'is' if genomes == 1 else 'are'}"


@dataclass(frozen=True)
class Identities:
    """One border for each kind of molecule that has a named genome, most genomes first."""

    borders: tuple[Border, ...]


def identities_of(index: Index) -> Identities:
    """What the genomes that are in the index now say."""
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
    named = rows[species.codes[rows] != UNKNOWN]
    _, first, of = np.unique(species.codes[named], return_index=True, return_inverse=True)
    asked = np.array([model.thresholds.required(int(row)) for row in named[first]])
    return Border(
        kind, prior_of(kind).ani, model.species_neighbours.same[named].astype(np.float64),
        model.species_neighbours.other[named].astype(np.float64), asked[of], asked, len(rows) - len(named),
    )  # fmt: skip


# -- the axis ------------------------------------------------------------------------------------------------


def place(ani: npt.ArrayLike) -> Floats:
    """Where percents of ANI stand on an axis that opens up towards 100: each tenth of the rest takes as much.

    >>> place([90, 99.9, 100]).round(3).tolist()
    [-1.0, 1.0, 2.0]
    """
    return np.asarray(-np.log10(np.maximum(100 - np.asarray(ani, np.float64), NEAREST)))


def ani_at(places: npt.ArrayLike) -> Floats:
    """The ANI at a place of the axis."""
    return np.asarray(100 - np.power(10.0, -np.asarray(places, np.float64)))


def binned(ani: Floats) -> tuple[Counts, int]:
    """How many lie in each bin of EDGES, (BINS,), and how many below them; NaN is nowhere."""
    known = ani[~np.isnan(ani)]
    inside = known[known > LEAST_ANI]
    # The last edge may come out a hair beyond what rounds to it.
    places = np.clip(place(inside), EDGES[0], EDGES[-1])
    return np.histogram(places, EDGES)[0].astype(np.int64), len(known) - len(inside)
