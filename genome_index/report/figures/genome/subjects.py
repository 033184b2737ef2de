"""Who is drawn: a genome of the index or of a file, what is known of it, and the members of a species."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from genome_index.classify.query import QuerySettings, answer
from genome_index.errors import UsageError, did_you_mean
from genome_index.index.index import Index
from genome_index.index.store.composition import PIECES, Counts, decode_course
from genome_index.records import Call, Entry, Genome
from genome_index.report.figures.genome.dna_walks import MOST_POINTS, count_course

MOST_MEMBERS = 200  # of a species that are drawn; more lines hide each other


@dataclass(frozen=True)
class Subject:
    """A genome that is drawn."""

    id: str
    species: str  # that it is compared with; "" where none is known
    known_by: str  # how the species is known: "reference", "called", "nearest"; "" where it is not
    length_bp: int
    course: Counts  # (P, 4); finer than what the index keeps, where the bases are at hand
    kept: Counts  # (256, 4), as the index keeps it
    genome: Genome | None  # None: the bases of a large reference are not kept
    row: int  # in the index; -1 for a file


@dataclass(frozen=True)
class Member:
    """A reference of a species, by what is kept of it."""

    id: str
    length_bp: int
    course: Counts  # (256, 4)


def reference(index: Index, entry: Entry) -> Subject:
    """A genome of the index."""
    species, genome = entry.lineage.name("species") or "", index.references.genome(entry.row)
    kept = course_of(index, entry)
    return Subject(
        id=entry.id,
        species=species,
        known_by="reference" if species else "",
        length_bp=entry.length_bp,
        course=kept if genome is None else _fine(genome),
        kept=kept,
        genome=genome,
        row=entry.row,
    )


def stranger(index: Index, genome: Genome) -> Subject:
    """A genome of a file: the species is the one that it is called, else the nearest one's."""
    [call] = answer(index, [genome], QuerySettings(k=1))
    return called(genome, call)


def called(genome: Genome, call: Call) -> Subject:
    """A genome whose call is known."""
    nearest = call.closest.species if call.closest is not None and call.verdict != "out_of_scope" else None
    species = call.name if call.verdict == "species" else nearest
    known_by = "called" if call.verdict == "species" else "nearest"
    return Subject(
        id=genome.id,
        species=species or "",
        known_by=known_by if species else "",
        length_bp=genome.length_bp,
        course=_fine(genome),
        kept=count_course(genome, PIECES),
        genome=genome,
        row=-1,
    )


def members(index: Index, species: str, without: int = -1) -> list[Member]:
    """The references of a species but one; where there are more than MOST_MEMBERS, every so many."""
    entries = [entry for entry in _of(index, species) if entry.row != without]
    return [Member(entry.id, entry.length_bp, course_of(index, entry)) for entry in _some(entries)]


def count_members(index: Index, species: str) -> int:
    return len(_of(index, species))


def require_species(index: Index, species: str) -> None:
    """Raise UsageError, with the nearest name, where no genome of the index is of the species."""
    names = {entry.lineage.name("species") or "" for entry in index.catalog.entries()} - {""}
    if species not in names:
        cure = did_you_mean(species, names, "`gindex list` shows the species there are")
        raise UsageError(f"{index.path}: no genome is of the species {species!r}; {cure}")


def course_of(index: Index, entry: Entry) -> Counts:
    """How many A, C, G and T each piece of a reference holds, from what is kept: (256, 4)."""
    return decode_course(index.references.course(entry.row))


def _of(index: Index, species: str) -> list[Entry]:
    """The references of a species, by row; none where it is not known."""
    if not species:
        return []
    return [entry for entry in index.catalog.entries() if entry.lineage.name("species") == species]


def _fine(genome: Genome) -> Counts:
    return count_course(genome, min(MOST_POINTS, genome.length_bp))


def _some(entries: Sequence[Entry]) -> list[Entry]:
    at = np.linspace(0, len(entries) - 1, min(MOST_MEMBERS, len(entries))).round().astype(int)
    return [entries[number] for number in at]
