"""How near a genome must be to bear a species' name: ANI thresholds learned from the index, per species.

A species with several genomes shows how far apart its members are and how near the next species comes; its
threshold lies half-way. One with few genomes borrows from its genus, that from its family, that from all
genomes of its kind, and that from the prior, each worth PRIOR_WEIGHT genomes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from genome_index.taxonomy.levels import UNKNOWN, Level
from genome_index.taxonomy.names import Molecule


@dataclass(frozen=True)
class Prior:
    """What counts as one species before the index has said anything; percent."""

    ani: float
    af: float
    margin: float  # ANI by which the species must beat every other; less is ambiguous


PRIORS: Mapping[Molecule, Prior] = {
    "prokaryote": Prior(95, 50, 0.2),  # Goris 2007, Jain 2018 (ANI 95); GTDB's aligned fraction, Parks 2020
    "virus": Prior(95, 85, 0.2),  # MIUViG, Roux 2019: 95 % over 85 % of the shorter
    "organelle": Prior(99, 80, 0.5),  # many animal species differ by less than 5 %: tests/bench/RESULTS.md
    "plasmid": Prior(95, 50, 0.5),  # a plasmid says little of its host: it must beat every other host's
    "other": Prior(95, 50, 0.2),
}
PRIOR_WEIGHT = 4.0  # genomes that a prior, or the level above, is worth
LEAST_ANI = 80.0  # stands for "no neighbour within skani's range"
# A learned threshold stays within; viruses differ widely.
RANGE = {"prokaryote": (94.0, 97.0), "organelle": (98.5, 99.8)}
WIDEST = (82.0, 99.8)


def prior_of(kind: str) -> Prior:
    """The prior of a kind of molecule, as the index writes it."""
    return PRIORS[cast(Molecule, kind)]


@dataclass(frozen=True)
class SpeciesNeighbours:
    """For each genome: ANI of the nearest of its species, and of the nearest of another; NaN if unknown."""

    same: npt.NDArray[np.float32]  # (N,) percent
    same_row: npt.NDArray[np.int64]  # (N,) whose it is, -1 if none
    other: npt.NDArray[np.float32]  # (N,)
    other_row: npt.NDArray[np.int64]  # (N,)


def nearest_by_species(
    species: Level, rows_a: npt.NDArray[np.int64], rows_b: npt.NDArray[np.int64], ani: npt.NDArray[np.float32]
) -> SpeciesNeighbours:
    """SpeciesNeighbours from measured pairs: (P,) rows, (P,) rows, (P,) percent or NaN below the range."""
    size = len(species.codes)
    found = SpeciesNeighbours(
        np.full(size, np.nan, np.float32),
        np.full(size, -1, np.int64),
        np.full(size, np.nan, np.float32),
        np.full(size, -1, np.int64),
    )
    ends, partners = np.concatenate([rows_a, rows_b]), np.concatenate([rows_b, rows_a])
    values = np.nan_to_num(np.concatenate([ani, ani]), nan=LEAST_ANI)
    same = (species.codes[ends] == species.codes[partners]) & (species.codes[ends] != UNKNOWN)
    differ = (
        (species.codes[ends] != species.codes[partners])
        & (species.codes[ends] != UNKNOWN)
        & (species.codes[partners] != UNKNOWN)
    )
    order = np.argsort(values, kind="stable")  # ascending: the last written is the best
    for mask, table, row_of in (
        (same, found.same, found.same_row),
        (differ, found.other, found.other_row),
    ):
        chosen = order[mask[order]]
        table[ends[chosen]] = values[chosen]
        row_of[ends[chosen]] = partners[chosen]
    return found


class SpeciesThresholds:
    """The ANI that a species asks for; `without` leaves a genome out, as if the index did not have it."""

    def __init__(
        self,
        species_neighbours: SpeciesNeighbours,
        levels: Mapping[str, Level],
        molecules: npt.NDArray[np.str_],
    ) -> None:
        self._species_neighbours, self._levels, self._molecules = species_neighbours, levels, molecules
        self._members = {
            rank: levels[rank].members() for rank in ("species", "genus", "family") if rank in levels
        }
        self._of_kind = {kind: np.flatnonzero(molecules == kind) for kind in set(molecules.tolist())}
        self._pooled: dict[tuple[str, int], tuple[float, int]] = {}

    def needed(self, row: int, without: Iterable[int] = ()) -> float:
        """ANI in percent that the species of reference `row` asks for."""
        kind = str(self._molecules[row])
        gone = frozenset(without)
        value = prior_of(kind).ani
        value = self._shrunk(self._of_kind[kind], value, gone, ("kind", hash(kind)))
        for rank in ("family", "genus", "species"):
            if rank in self._members:
                code = int(self._levels[rank].codes[row])
                if code != UNKNOWN:
                    value = self._shrunk(self._members[rank][code], value, gone, (rank, code))
        low, high = RANGE.get(kind, WIDEST)
        return float(np.clip(value, low, high))

    def _shrunk(
        self, rows: npt.NDArray[np.int64], prior: float, gone: frozenset[int], key: tuple[str, int]
    ) -> float:
        midpoint, weight = self._midpoint(rows, gone, key)
        return (PRIOR_WEIGHT * prior + weight * midpoint) / (PRIOR_WEIGHT + weight)

    def _midpoint(
        self, rows: npt.NDArray[np.int64], gone: frozenset[int], key: tuple[str, int]
    ) -> tuple[float, int]:
        """Half-way between how far members go and how near others come, and how many genomes say so."""
        # Of more than 200, one genome moves nothing.
        touched = len(rows) <= 200 and any(row in gone for row in rows.tolist())
        if not touched and key in self._pooled:
            return self._pooled[key]
        fellow, other = self._species_neighbours.same[rows], self._species_neighbours.other[rows]
        if touched:
            barred = list(gone)
            fellow = fellow[
                ~np.isin(rows, barred) & ~np.isin(self._species_neighbours.same_row[rows], barred)
            ]
            other = other[~np.isin(rows, barred) & ~np.isin(self._species_neighbours.other_row[rows], barred)]
        fellow, other = fellow[~np.isnan(fellow)], other[~np.isnan(other)]
        found = (0.0, 0) if len(fellow) < 2 else (_between(fellow, other), len(fellow))
        if not touched:
            self._pooled[key] = found
        return found


def _between(fellow: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> float:
    within = float(np.quantile(fellow, 0.05))
    beyond = float(np.quantile(other, 0.95)) if len(other) else LEAST_ANI
    return (within + beyond) / 2 if within > beyond else beyond
