"""Genomes of a snapshot: lists by id or name, and the record of each."""

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
from genome_index.service.views.species_threshold import SpeciesThreshold, SpeciesThresholds
from genome_index.taxonomy.levels import labels_of, name_of, ranks_of

Summary = tuple[str, int, int, str, str | None, Mapping[str, str], Mapping[str, str]]


@dataclass(frozen=True)
class GenomeSummary:
    """One genome in a list."""

    id: str
    length_bp: int
    contigs: int
    molecule: str  # prokaryote, virus, organelle, plasmid or other
    species: str | None
    lineage: Mapping[str, str]  # rank -> name, broadest first
    labels: Mapping[str, str]  # further columns of the taxonomy


@dataclass(frozen=True)
class GenomePage:
    """A page of a list of genomes."""

    total: int  # genomes that match the search
    offset: int  # position of the first genome of the page, from 0
    items: tuple[GenomeSummary, ...]  # by id


@dataclass(frozen=True)
class GenomeWarning:
    """A reason to doubt a genome."""

    kind: str  # as in the table of suspects of `gindex report`: mixture, contigs, label, length ...
    text: str  # one sentence
    genome: str | None  # id of the genome that it resembles, or has a part of


@dataclass(frozen=True)
class GenomeRecord(GenomeSummary):
    """One genome."""

    source: str  # name of the file it came from, or "-" for standard input
    sha256: str  # of its upper-case contigs
    gc: float | None  # share of G and C among its bases, 0 to 1
    nearest: tuple[NearGenome, ...]  # by descending score of similarity and k-mer identity, itself left out
    warnings: tuple[GenomeWarning, ...]
    threshold: SpeciesThreshold | None  # of its species; None if it has no callable species


class Genomes:
    """Every genome of an index; `hits` are theirs, in the order of `entries`."""

    def __init__(
        self, index: Index, entries: Sequence[Entry], hits: Hits, thresholds: SpeciesThresholds
    ) -> None:
        # Read now: cached properties are not safe in several threads.
        self._suspects, self._references = index.suspects, index.references
        self._entries, self._thresholds = entries, thresholds
        self._near = NearGenomes({entry.row: entry for entry in entries}, hits)
        self._position = {entry.id: at for at, entry in enumerate(entries)}
        self._ids = Names(self._position)
        self._by_id = sorted(entries, key=lambda entry: entry.id)
        self._texts = [_text(entry) for entry in self._by_id]
        self._levels = (*ranks_of(entries), *labels_of(entries))
        self._by_name: dict[str, dict[str, list[int]]] = {}  # by level, of the levels that were searched

    def page(self, search: str, rank: str | None, name: str | None, offset: int, limit: int) -> GenomePage:
        """Genomes with `search` in the id or a name, and with `name` at `rank`.

        Raises
        ------
        UsageError, Problem
        """
        shown, wanted = window(offset, limit), search.strip().casefold()
        matches = self._with_name(rank, name)
        if wanted:
            matches = [at for at in matches if wanted in self._texts[at]]
        items = tuple(GenomeSummary(*_summary(self._by_id[at])) for at in matches[shown])
        return GenomePage(len(matches), offset, items)

    def one(self, genome_id: str) -> GenomeRecord:
        """One genome.

        Raises
        ------
        Problem
            No genome has this id.
        """
        at = self._position.get(genome_id)
        if at is None:
            raise self._ids.missing("no genome of this index has the id", genome_id, "/v1/genomes lists them")
        entry = self._entries[at]
        suspects = self._suspects.get(entry.row, ())
        return GenomeRecord(
            *_summary(entry), PurePath(entry.source).name, entry.sha256, self._gc(entry.row),
            self._near.of(at),
            tuple(GenomeWarning(one.kind, one.evidence, one.witness) for one in suspects),
            self._thresholds.of(entry.row),
        )  # fmt: skip

    def _with_name(self, rank: str | None, name: str | None) -> Sequence[int]:
        """Positions, in the order of ids, of the genomes with a name at a rank or label."""
        if not rank and not name:
            return range(len(self._by_id))
        if not rank or not name:
            given, lacks = ("rank", "name") if rank else ("name", "rank")
            raise UsageError(
                f"{given} {(name or rank or '')[:LONGEST]!r} without a {lacks}; give both, or use search"
            )
        if rank not in self._levels:
            known = ", ".join(self._levels) or "none"
            raise UsageError(f"no genome has a name at rank or label {rank[:LONGEST]!r}; known are: {known}")
        by_name = self._names_at(rank)
        if name not in by_name:
            raise Names(by_name).missing(
                f"no genome of this index has the {rank}", name, "search finds parts of names"
            )
        return by_name[name]

    def _names_at(self, level: str) -> Mapping[str, list[int]]:
        """Name -> positions, at a rank or label."""
        if level not in self._by_name:
            by_name: dict[str, list[int]] = {}
            for at, entry in enumerate(self._by_id):
                if (name := name_of(entry, level)) is not None:
                    by_name.setdefault(name, []).append(at)
            self._by_name[level] = by_name  # two threads at once write the same
        return self._by_name[level]

    def _gc(self, row: int) -> float | None:
        bases = decode_course(self._references.course(row)).sum(axis=0).tolist()
        return round((bases[1] + bases[2]) / sum(bases), 4) if any(bases) else None


def _summary(entry: Entry) -> Summary:
    taxon = entry.taxon
    return (
        entry.id, entry.length_bp, entry.contigs, entry.molecule, entry.lineage.name("species"),
        taxon.lineage.names, taxon.labels,
    )  # fmt: skip


def _text(entry: Entry) -> str:
    """The text that is searched."""
    return "\n".join((entry.id, *entry.lineage.names.values())).casefold()
