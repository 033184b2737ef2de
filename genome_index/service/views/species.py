"""Species of a snapshot: genomes, threshold, diversity and nearest species of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

from genome_index.index.calibration.hits import Hits
from genome_index.index.calibration.model import Model
from genome_index.index.store.pair_table import PairTable, rows_of
from genome_index.records import RANKS, Entry
from genome_index.service.views.name_lookup import Names, window
from genome_index.service.views.neighbours import NearSpecies, between_species, measured, nearest_species
from genome_index.service.views.species_threshold import SpeciesThreshold, SpeciesThresholds
from genome_index.taxonomy.levels import UNKNOWN

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Diversity:
    """How far apart the genomes of a species are, among the pairs that were compared."""

    pairs: int  # compared pairs
    pairs_without_ani: int  # of them: skani has no ANI far below 80 %
    lowest_ani: float | None  # percent; None if no ANI was measured
    genomes: tuple[str, ...]  # ids of the pair with the lowest ANI


class Diversities:
    """The diversity of each of S species; `codes` are the species by row, (N,), UNKNOWN for none."""

    def __init__(self, entries: Mapping[int, Entry], pairs: PairTable, codes: Rows, species: int) -> None:
        a, b = rows_of(pairs.keys)
        inside = (codes[a] == codes[b]) & (codes[a] != UNKNOWN)
        species_of_pair, ani = codes[a[inside]], pairs.values[inside, 0]
        self._entries, self._a, self._b, self._ani = entries, a[inside], b[inside], ani
        self._pairs = np.bincount(species_of_pair, minlength=species)
        self._without_ani = np.bincount(species_of_pair[np.isnan(ani)], minlength=species)
        self._lowest = np.full(species, UNKNOWN, np.int64)  # position of the pair with the lowest ANI
        order = np.argsort(-ani, kind="stable")[: np.count_nonzero(~np.isnan(ani))]  # NaN comes last
        self._lowest[species_of_pair[order]] = order  # the last assignment is the lowest ANI

    def of(self, species: int) -> Diversity:
        counts = (self._pairs, self._without_ani, self._lowest)
        pairs, without_ani, at = (int(values[species]) for values in counts)
        if at == UNKNOWN:
            return Diversity(pairs, without_ani, None, ())
        genomes = tuple(self._entries[int(rows[at])].id for rows in (self._a, self._b))
        return Diversity(pairs, without_ani, round(float(self._ani[at]), 2), genomes)


MOST_MEMBERS = 1_000  # genomes in the record of a species; /v1/genomes?rank=species&name= has all
LINEAGE_RANKS = RANKS[: RANKS.index("species") + 1]


@dataclass(frozen=True)
class SpeciesSummary:
    """One species in a list."""

    name: str
    genus: str | None
    genomes: int  # of this species in the index


@dataclass(frozen=True)
class SpeciesPage:
    """A page of a list of species."""

    total: int  # species that match the search
    offset: int  # position of the first species of the page, from 0
    items: tuple[SpeciesSummary, ...]  # by name


@dataclass(frozen=True)
class Member:
    """A genome of a species."""

    id: str
    length_bp: int


@dataclass(frozen=True)
class SpeciesRecord(SpeciesSummary):
    """One species."""

    is_called: bool  # a query can be called this species; names with "sp." make no call and no threshold
    lineage: Mapping[str, str]  # rank -> name, broadest first; the most frequent name if genomes differ
    members: tuple[Member, ...]  # by id, the first 1,000
    threshold: SpeciesThreshold | None  # for its most frequent kind of molecule; None if it is never called
    diversity: Diversity
    neighbours: tuple[NearSpecies, ...]  # the nearest other species, by ANI if there is one
    composition: str  # address of the composition figure of all its genomes


class SpeciesTable:
    """Every species of an index; `hits` are of `entries`, in their order."""

    def __init__(
        self, model: Model, entries: Sequence[Entry], hits: Hits, pairs: PairTable,
        thresholds: SpeciesThresholds,
    ) -> None:  # fmt: skip
        members = _members(entries)
        self._names, self._members = list(members), list(members.values())
        self._number = {name: at for at, name in enumerate(self._names)}
        self._texts = [name.casefold() for name in self._names]
        self._known = Names(self._names)
        self._lineages = [_lineage(some) for some in self._members]
        called = model.levels.get("species")
        self._called = frozenset(called.names if called else ())
        self._thresholds, self._entries = thresholds, {entry.row: entry for entry in entries}
        self._codes = _codes(self._members, len(model.live))
        rows = np.array([entry.row for entry in entries], np.int64)
        self._edges = nearest_species(between_species(rows, hits, self._codes), self._codes)
        self._starts = np.searchsorted(self._codes[self._edges.query], np.arange(len(members) + 1))
        self._diversities = Diversities(self._entries, pairs, self._codes, len(members))

    def page(self, search: str, offset: int, limit: int) -> SpeciesPage:
        """Species with `search` in the name.

        Raises
        ------
        UsageError
        """
        shown, wanted = window(offset, limit), search.strip().casefold()
        matches = [at for at, text in enumerate(self._texts) if wanted in text]
        items = tuple(SpeciesSummary(*self._summary(at)) for at in matches[shown])
        return SpeciesPage(len(matches), offset, items)

    def one(self, name: str) -> SpeciesRecord:
        """One species.

        Raises
        ------
        Problem
            No species has this name.
        """
        at = self._number.get(name)
        if at is None:
            raise self._known.missing("no species of this index is called", name, "/v1/species lists them")
        members = self._members[at]
        return SpeciesRecord(
            *self._summary(at), name in self._called, self._lineages[at],
            tuple(Member(entry.id, entry.length_bp) for entry in members[:MOST_MEMBERS]),
            self._thresholds.of(_most_frequent(members)), self._diversities.of(at), self._neighbours(at),
            f"/v1/species/{quote(name, safe='')}/composition.svg",
        )  # fmt: skip

    def _summary(self, at: int) -> tuple[str, str | None, int]:
        return self._names[at], self._lineages[at].get("genus"), len(self._members[at])

    def _neighbours(self, at: int) -> tuple[NearSpecies, ...]:
        edges = self._edges.take(np.arange(self._starts[at], self._starts[at + 1]))
        pairs = zip(edges.query.tolist(), edges.reference.tolist(), edges.values, strict=True)
        return tuple(
            NearSpecies(
                self._names[self._codes[b]], self._entries[a].id, self._entries[b].id, *measured(values)
            )
            for a, b, values in pairs
        )


def _members(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    """Species by name, the genomes of each by id."""
    members: dict[str, list[Entry]] = {}
    for entry in sorted(entries, key=lambda entry: entry.id):
        if name := entry.lineage.name("species"):
            members.setdefault(name, []).append(entry)
    return dict(sorted(members.items()))


def _lineage(members: Sequence[Entry]) -> dict[str, str]:
    names = {
        rank: Counter(filter(None, (one.lineage.name(rank) for one in members))) for rank in LINEAGE_RANKS
    }
    return {rank: counts.most_common(1)[0][0] for rank, counts in names.items() if counts}


def _codes(members: Sequence[Sequence[Entry]], rows: int) -> Rows:
    """The number of the species of each row: (N,), UNKNOWN for none."""
    found = np.full(rows, UNKNOWN, np.int64)
    for number, some in enumerate(members):
        found[[entry.row for entry in some]] = number
    return found


def _most_frequent(members: Sequence[Entry]) -> int:
    """The row of a genome of the most frequent kind of molecule."""
    (kind, _), *_ = Counter(entry.molecule for entry in members).most_common(1)
    return next(entry.row for entry in members if entry.molecule == kind)
