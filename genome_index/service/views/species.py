"""The species of a snapshot: the genomes of each, what it asks of a query, and how near the next comes."""

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
from genome_index.service.views.species_threshold import Asked, Asks
from genome_index.taxonomy.levels import UNKNOWN

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Width:
    """How far apart the members of a species are, as far as they were compared."""

    pairs: int  # of members that were compared
    below_range: int  # of them without an ANI: skani has none far below 80 %
    ani: float | None  # percent, the lowest that was measured; None where none was
    between: tuple[str, ...]  # ids of the two that have it


class Widths:
    """The width of each of S species: (N,) species by row, UNKNOWN for none."""

    def __init__(self, entries: Mapping[int, Entry], pairs: PairTable, codes: Rows, species: int) -> None:
        a, b = rows_of(pairs.keys)
        inside = (codes[a] == codes[b]) & (codes[a] != UNKNOWN)
        own, ani = codes[a[inside]], pairs.values[inside, 0]
        self._entries, self._a, self._b, self._ani = entries, a[inside], b[inside], ani
        self._pairs = np.bincount(own, minlength=species)
        self._below = np.bincount(own[np.isnan(ani)], minlength=species)
        self._lowest = np.full(species, UNKNOWN, np.int64)  # position of the widest pair
        order = np.argsort(-ani, kind="stable")[: np.count_nonzero(~np.isnan(ani))]  # NaN comes last
        self._lowest[own[order]] = order  # the last written is the lowest

    def of(self, species: int) -> Width:
        pairs, below, at = (int(one[species]) for one in (self._pairs, self._below, self._lowest))
        if at == UNKNOWN:
            return Width(pairs, below, None, ())
        between = tuple(self._entries[int(one[at])].id for one in (self._a, self._b))
        return Width(pairs, below, round(float(self._ani[at]), 2), between)


MEMBERS = 1_000  # genomes that are told of a species; /v1/genomes?rank=species&name= has them all
ABOVE = RANKS[: RANKS.index("species") + 1]


@dataclass(frozen=True)
class SpeciesSummary:
    """One species in a list."""

    name: str
    genus: str | None
    genomes: int  # that bear its name


@dataclass(frozen=True)
class SpeciesPage:
    total: int  # species that were asked for; the page shows some of them
    offset: int  # of the page's first, from 0
    items: tuple[SpeciesSummary, ...]  # by name


@dataclass(frozen=True)
class Member:
    id: str
    length_bp: int


@dataclass(frozen=True)
class SpeciesRecord(SpeciesSummary):
    """All that is to be said of one species."""

    is_called: bool  # a query can be called this; names such as "sp." make no call and no threshold
    lineage: Mapping[str, str]  # rank -> name, broadest first; the commonest, where members differ
    members: tuple[Member, ...]  # by id, the first 1,000
    asked: Asked | None  # of its commonest kind of molecule; None where it is never called
    width: Width
    neighbours: tuple[NearSpecies, ...]  # the nearest other species, by ANI where there is one
    portrait: str  # where the picture of all its members is


class SpeciesTable:
    """Every species of an index; `hits` are of `entries`, in their order."""

    def __init__(
        self, model: Model, entries: Sequence[Entry], hits: Hits, pairs: PairTable, asks: Asks
    ) -> None:
        members = _members(entries)
        self._names, self._members = list(members), list(members.values())
        self._number = {name: at for at, name in enumerate(self._names)}
        self._texts = [name.casefold() for name in self._names]
        self._known = Names(self._names)
        self._lineages = [_lineage(some) for some in self._members]
        called = model.levels.get("species")
        self._called = frozenset(called.names if called else ())
        self._asks, self._entries = asks, {entry.row: entry for entry in entries}
        self._codes = _codes(self._members, len(model.live))
        rows = np.array([entry.row for entry in entries], np.int64)
        self._edges = nearest_species(between_species(rows, hits, self._codes), self._codes)
        self._starts = np.searchsorted(self._codes[self._edges.own], np.arange(len(members) + 1))
        self._widths = Widths(self._entries, pairs, self._codes, len(members))

    def page(self, search: str, offset: int, limit: int) -> SpeciesPage:
        """Species whose name holds `search`.

        Raises
        ------
        UsageError
        """
        shown, wanted = window(offset, limit), search.strip().casefold()
        found = [at for at, text in enumerate(self._texts) if wanted in text]
        items = tuple(SpeciesSummary(*self._shown(at)) for at in found[shown])
        return SpeciesPage(len(found), offset, items)

    def one(self, name: str) -> SpeciesRecord:
        """Everything about one species.

        Raises
        ------
        Problem
            No genome bears that name.
        """
        at = self._number.get(name)
        if at is None:
            raise self._known.missing("no species here is called", name, "/v1/species lists them")
        members = self._members[at]
        return SpeciesRecord(
            *self._shown(at), name in self._called, self._lineages[at],
            tuple(Member(entry.id, entry.length_bp) for entry in members[:MEMBERS]),
            self._asks.of(_commonest(members)), self._widths.of(at), self._neighbours(at),
            f"/v1/species/{quote(name, safe='')}/portrait.svg",
        )  # fmt: skip

    def _shown(self, at: int) -> tuple[str, str | None, int]:
        return self._names[at], self._lineages[at].get("genus"), len(self._members[at])

    def _neighbours(self, at: int) -> tuple[NearSpecies, ...]:
        edges = self._edges.take(np.arange(self._starts[at], self._starts[at + 1]))
        pairs = zip(edges.own.tolist(), edges.other.tolist(), edges.values, strict=True)
        return tuple(
            NearSpecies(
                self._names[self._codes[b]], self._entries[a].id, self._entries[b].id, *measured(values)
            )
            for a, b, values in pairs
        )


def _members(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    """Species by name, the genomes of each by id."""
    found: dict[str, list[Entry]] = {}
    for entry in sorted(entries, key=lambda entry: entry.id):
        if name := entry.lineage.name("species"):
            found.setdefault(name, []).append(entry)
    return dict(sorted(found.items()))


def _lineage(members: Sequence[Entry]) -> dict[str, str]:
    names = {rank: Counter(filter(None, (one.lineage.name(rank) for one in members))) for rank in ABOVE}
    return {rank: counts.most_common(1)[0][0] for rank, counts in names.items() if counts}


def _codes(members: Sequence[Sequence[Entry]], rows: int) -> Rows:
    """The number of each row's species: (N,), UNKNOWN for none."""
    found = np.full(rows, UNKNOWN, np.int64)
    for number, some in enumerate(members):
        found[[entry.row for entry in some]] = number
    return found


def _commonest(members: Sequence[Entry]) -> int:
    """Row of a member that is of the kind of molecule most members are of."""
    (kind, _), *_ = Counter(entry.molecule for entry in members).most_common(1)
    return next(entry.row for entry in members if entry.molecule == kind)
