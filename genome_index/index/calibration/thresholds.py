"""Thresholds of species: the ANI that a genome must reach, learned from the index for each species.

The threshold of a species lies half-way between the ANI of its members to each other and the ANI of the next
species to them. It is shrunk towards that of its genus, which is shrunk towards that of its family, that
towards all genomes of the kind of molecule, and that towards a prior; each counts as PRIOR_WEIGHT genomes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import numpy.typing as npt

from genome_index.taxonomy.levels import UNKNOWN, Level
from genome_index.taxonomy.names import Molecule


@dataclass(frozen=True)
class Prior:
    """Thresholds of a kind of molecule before anything is learned from the index; in percent."""

    ani: float
    af: float  # least aligned fraction, in the larger direction; it is never learned
    margin: float  # least lead in ANI over every other species; with less, the call is ambiguous
    confidence: float  # that the species of a strong match is right (elected_names.py), from 0 to 1
    least_part: float  # percent of a reference's length; a shorter query is no genome of the kind (pieces.py)
    source: str = field(default="", compare=False)  # of ANI, aligned fraction and margin


# A genome is at least half complete (MIMAG, Bowers 2017); plasmids of one kind differ more in length.
PRIORS: Mapping[Molecule, Prior] = {
    "prokaryote": Prior(95, 50, 0.2, 0.95, 50, "ANI: Goris 2007, Jain 2018; aligned fraction: Parks 2020"),
    "virus": Prior(95, 85, 0.2, 0.95, 50, "MIUViG, Roux 2019: 95 % over 85 % of the shorter genome"),
    "organelle": Prior(
        99, 80, 0.5, 0.6, 50, "measured: many animal species differ by less than 5 % (tests/bench/RESULTS.md)"
    ),
    "plasmid": Prior(
        95, 50, 0.5, 0.5, 30, "as for prokaryotes, with a wider margin because plasmids cross species"
    ),
    "other": Prior(95, 50, 0.2, 0.9, 50, "as for prokaryotes"),
}
PRIOR_WEIGHT = 4.0  # genomes that a prior, or the level above, counts as
LEAST_ANI = 80.0  # stands for an ANI below skani's range
LARGE_TAXON = 200  # genomes; leaving one of more out would not move their midpoint, which is cached
# A learned threshold stays within its kind's range; viruses differ too widely to have one of their own.
RANGE = {"prokaryote": (94.0, 97.0), "organelle": (98.5, 99.8)}
WIDEST = (82.0, 99.8)


def prior_of(kind: str) -> Prior:
    """The prior of a kind of molecule, named as in the index."""
    return PRIORS[cast(Molecule, kind)]


@dataclass(frozen=True)
class SpeciesNeighbours:
    """For each genome the nearest genome of the same species, and the nearest of another, by ANI."""

    same: npt.NDArray[np.float32]  # (N,) percent, NaN if none was measured
    same_row: npt.NDArray[np.int64]  # (N,) row of that genome, -1 if none
    other: npt.NDArray[np.float32]  # (N,) percent, NaN if none was measured
    other_row: npt.NDArray[np.int64]  # (N,)


def nearest_by_species(
    species: Level, rows_a: npt.NDArray[np.int64], rows_b: npt.NDArray[np.int64], ani: npt.NDArray[np.float32]
) -> SpeciesNeighbours:
    """SpeciesNeighbours from measured pairs: rows (P,) and (P,), ANI (P,) in percent, NaN below the range.

    An ANI below the range counts as LEAST_ANI. Genomes without a species have no neighbours and are none.
    """
    ends, partners = np.concatenate([rows_a, rows_b]), np.concatenate([rows_b, rows_a])
    values = np.nan_to_num(np.concatenate([ani, ani]), nan=LEAST_ANI)
    codes, partner_codes = species.codes[ends], species.codes[partners]
    named = (codes != UNKNOWN) & (partner_codes != UNKNOWN)
    size = len(species.codes)
    same = _highest(size, *(table[named & (codes == partner_codes)] for table in (ends, partners, values)))
    other = _highest(size, *(table[named & (codes != partner_codes)] for table in (ends, partners, values)))
    return SpeciesNeighbours(*same, *other)


def _highest(
    size: int,
    ends: npt.NDArray[np.int64],
    partners: npt.NDArray[np.int64],
    values: npt.NDArray[np.float32],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """The highest value of each end, and its partner: (P,) each -> (N,), (N,); NaN and -1 if it has none."""
    best, row = np.full(size, np.nan, np.float32), np.full(size, -1, np.int64)
    order = np.argsort(values, kind="stable")  # ascending, so that the highest is written last
    best[ends[order]], row[ends[order]] = values[order], partners[order]
    return best, row


@dataclass(frozen=True)
class Gap:
    """How near the members of a taxon are to their nearest of the same species, and of other species."""

    within: float  # percent; most members are nearer to one of their species
    beyond: float  # percent; most are farther from other species
    genomes: int

    def shrink(self, prior: float) -> float:
        """The middle of the gap, shrunk towards a prior; `beyond` where there is no gap."""
        middle = (self.within + self.beyond) / 2 if self.within > self.beyond else self.beyond
        return (PRIOR_WEIGHT * prior + self.genomes * middle) / (PRIOR_WEIGHT + self.genomes)


NO_GAP = Gap(0.0, 0.0, 0)


@dataclass(frozen=True)
class Step:
    """One step on the way to the ANI that a species requires."""

    source: str  # prior, kind, family, genus, species, gap of the species, or range of the kind
    name: str  # of the taxon, or the kind of molecule
    genomes: int  # with a measured ANI to one of their species; 0 for the prior and the two limits
    low: float | None  # percent, ANI of most to other species, or the lower limit; None for the prior
    high: float | None  # percent, ANI of most within their species, or the upper limit; None for the prior
    ani: float  # percent, required after this step


class SpeciesThresholds:
    """The ANI that each species requires."""

    def __init__(
        self,
        species_neighbours: SpeciesNeighbours,
        levels: Mapping[str, Level],
        molecules: npt.NDArray[np.str_],
    ) -> None:
        self._neighbours, self._levels, self._molecules = species_neighbours, levels, molecules
        self._members = {
            rank: levels[rank].members() for rank in ("family", "genus", "species") if rank in levels
        }
        self._of_kind = {kind: np.flatnonzero(molecules == kind) for kind in set(molecules.tolist())}
        self._cache: dict[tuple[str, str | int], Gap] = {}

    def required(self, row: int, without: Iterable[int] = ()) -> float:
        """The ANI in percent that the species of reference `row` requires.

        It is learned as if the index did not have the rows `without`. Where the members of a species are
        nearer to each other than to the next species, it lies between the two.
        """
        return self.steps(row, without)[-1].ani

    def steps(self, row: int, without: Iterable[int] = ()) -> list[Step]:
        """The way to the required ANI: from the prior over kind, family and genus to the species.

        A taxon without a gap of its own changes nothing and is no step; a limit is one where it is reached.
        The last step has the required ANI.
        """
        kind, left_out = str(self._molecules[row]), frozenset(without)
        steps = [Step("prior", kind, 0, None, None, prior_of(kind).ani)]
        for source, name, gap in self._gaps(row, kind, left_out):
            if gap.genomes:
                value = gap.shrink(steps[-1].ani)
                steps.append(Step(source, name, gap.genomes, gap.beyond, gap.within, value))
            if source == "species" and gap.within > gap.beyond:
                steps += _limited(steps[-1].ani, "gap of the species", name, gap.beyond, gap.within)
        return [*steps, *_limited(steps[-1].ani, "range of the kind", kind, *RANGE.get(kind, WIDEST))]

    def _gaps(self, row: int, kind: str, left_out: frozenset[int]) -> Iterator[tuple[str, str, Gap]]:
        """Source, name and gap of the kind and the taxa of a row, broadest first."""
        yield "kind", kind, self._gap(self._of_kind[kind], left_out, ("kind", kind))
        for rank, members in self._members.items():
            code = int(self._levels[rank].codes[row])
            if code != UNKNOWN:
                yield (
                    rank,
                    self._levels[rank].names[code],
                    self._gap(members[code], left_out, (rank, code)),
                )

    def _gap(self, rows: npt.NDArray[np.int64], left_out: frozenset[int], key: tuple[str, str | int]) -> Gap:
        """The gap of some genomes; it is cached unless one of them is left out."""
        if len(rows) <= LARGE_TAXON and not left_out.isdisjoint(rows.tolist()):
            return self._gap_without(rows, np.array(sorted(left_out)))
        if key not in self._cache:
            self._cache[key] = self._gap_without(rows, np.empty(0, np.int64))
        return self._cache[key]

    def _gap_without(self, rows: npt.NDArray[np.int64], left_out: npt.NDArray[np.int64]) -> Gap:
        """The gap without some rows, as members and as neighbours; NO_GAP if fewer than two are left."""
        rows = rows[~np.isin(rows, left_out)]
        same = self._neighbours.same[rows[~np.isin(self._neighbours.same_row[rows], left_out)]]
        other = self._neighbours.other[rows[~np.isin(self._neighbours.other_row[rows], left_out)]]
        same, other = same[~np.isnan(same)], other[~np.isnan(other)]
        if len(same) < 2:
            return NO_GAP
        beyond = float(np.quantile(other, 0.95)) if len(other) else LEAST_ANI
        return Gap(float(np.quantile(same, 0.05)), beyond, len(same))


def _limited(ani: float, source: str, name: str, low: float, high: float) -> list[Step]:
    """The step of a limit, none where the ANI is within it."""
    return [] if low <= ani <= high else [Step(source, name, 0, low, high, min(max(ani, low), high))]
