"""The genomes of a snapshot: found by id or name, and what is known of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from genome_index.errors import UsageError
from genome_index.index.calibration.hits import Hits
from genome_index.index.index import Index
from genome_index.index.store.composition import decode_course
from genome_index.records import Entry
from genome_index.service.views.name_lookup import LONGEST, Names, window
from genome_index.service.views.neighbours import NearGenome, NearGenomes
from genome_index.service.views.species_threshold import Asked, Asks
from genome_index.taxonomy.levels import labels_of, name_of, ranks_of

Shown = tuple[str, int, int, str, str | None, Mapping[str, str], Mapping[str, str]]


@dataclass(frozen=True)
class GenomeSummary:
    """One genome in a list."""

    id: str
    length_bp: int
    contigs: int
    molecule: str  # prokaryote, virus, organelle, plasmid or other
    species: str | None
    lineage: Mapping[str, str]  # rank -> name, broadest first
    labels: Mapping[str, str]  # what the taxonomy says besides


@dataclass(frozen=True)
class GenomePage:
    total: int  # genomes that were asked for; the page shows some of them
    offset: int  # of the page's first, from 0
    items: tuple[GenomeSummary, ...]  # by id


@dataclass(frozen=True)
class Suspicion:
    """Why a genome should be looked at."""

    kind: str  # mixture, contigs, label, length, GC or letters
    says: str  # one sentence
    witness: str | None  # id of the genome it looks like, or has a part of


@dataclass(frozen=True)
class GenomeRecord(GenomeSummary):
    """All that is to be said of one genome."""

    source: str  # name of the file it came from, or "-" for standard input
    sha256: str  # of its upper-case contigs
    gc: float | None  # share of G and C among its bases, 0 to 1
    nearest: tuple[NearGenome, ...]  # by descending score of similarity and words, itself left out
    suspicions: tuple[Suspicion, ...]
    asked: Asked | None  # what its species asks for; None where it has no species to rely on


class Genomes:
    """Every genome of an index; `hits` are theirs, in the order of `entries`."""

    def __init__(self, index: Index, entries: Sequence[Entry], hits: Hits, asks: Asks) -> None:
        # Read now: cached properties are not for many threads at once.
        self._suspects, self._references = index.suspects, index.references
        self._entries, self._asks = entries, asks
        self._near = NearGenomes({entry.row: entry for entry in entries}, hits)
        self._position = {entry.id: at for at, entry in enumerate(entries)}
        self._ids = Names(self._position)
        self._by_id = sorted(entries, key=lambda entry: entry.id)
        self._texts = [_text(entry) for entry in self._by_id]
        self._levels = (*ranks_of(entries), *labels_of(entries))
        self._bearers: dict[str, dict[str, list[int]]] = {}  # of the levels that somebody has asked about

    def page(self, search: str, rank: str | None, name: str | None, offset: int, limit: int) -> GenomePage:
        """Genomes whose id or a name of theirs holds `search`, and that bear `name` at `rank`.

        Raises
        ------
        UsageError, Problem
        """
        shown, wanted = window(offset, limit), search.strip().casefold()
        found = self._named(rank, name)
        if wanted:
            found = [at for at in found if wanted in self._texts[at]]
        items = tuple(GenomeSummary(*_shown(self._by_id[at])) for at in found[shown])
        return GenomePage(len(found), offset, items)

    def one(self, genome_id: str) -> GenomeRecord:
        """Everything about one genome.

        Raises
        ------
        Problem
            No genome has that id.
        """
        at = self._position.get(genome_id)
        if at is None:
            raise self._ids.missing("no genome here has the id", genome_id, "/v1/genomes lists them")
        entry = self._entries[at]
        suspects = self._suspects.get(entry.row, ())
        return GenomeRecord(
            *_shown(entry), PurePath(entry.source).name, entry.sha256, self._gc(entry.row), self._near.of(at),
            tuple(Suspicion(one.kind, one.evidence, one.witness) for one in suspects),
            self._asks.of(entry.row),
        )  # fmt: skip

    def _named(self, rank: str | None, name: str | None) -> Sequence[int]:
        """Positions by id of the genomes that bear a name at a rank, or as a label."""
        if not rank and not name:
            return range(len(self._by_id))
        if not rank or not name:
            given, lacks = ("rank", "name") if rank else ("name", "rank")
            raise UsageError(
                f"{given} {(name or rank or '')[:LONGEST]!r} without a {lacks}; give both, or search"
            )
        if rank not in self._levels:
            known = ", ".join(self._levels) or "none"
            raise UsageError(f"no genome has a name at rank or label {rank[:LONGEST]!r}; there are: {known}")
        bearers = self._bearers_at(rank)
        if name not in bearers:
            raise Names(bearers).missing(
                f"no genome here has the {rank}", name, "search finds parts of names"
            )
        return bearers[name]

    def _bearers_at(self, level: str) -> Mapping[str, list[int]]:
        if level not in self._bearers:
            found: dict[str, list[int]] = {}
            for at, entry in enumerate(self._by_id):
                if (name := name_of(entry, level)) is not None:
                    found.setdefault(name, []).append(at)
            self._bearers[level] = found  # two threads at once write the same
        return self._bearers[level]

    def _gc(self, row: int) -> float | None:
        bases = decode_course(self._references.course(row)).sum(axis=0).tolist()
        return round((bases[1] + bases[2]) / sum(bases), 4) if any(bases) else None


def _shown(entry: Entry) -> Shown:
    taxon = entry.taxon
    return (
        entry.id, entry.length_bp, entry.contigs, entry.molecule, entry.lineage.name("species"),
        taxon.lineage.names, taxon.labels,
    )  # fmt: skip


def _text(entry: Entry) -> str:
    """What a search looks in."""
    return "\n".join((entry.id, *entry.lineage.names.values())).casefold()
