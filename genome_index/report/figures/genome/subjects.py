"""Subjects of figures: a genome of the index or of a file with its species, and the members of a species."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from genome_index.classify.query import answer
from genome_index.classify.settings import QuerySettings
from genome_index.errors import UsageError, did_you_mean
from genome_index.index.index import Index
from genome_index.index.store.composition import PIECES, Counts, decode_course
from genome_index.records import Call, Entry, Genome
from genome_index.report.figures.genome.dna_walks import MOST_POINTS, count_course

MOST_MEMBERS = 200  # drawn of a species; more lines hide each other


@dataclass(frozen=True)
class Subject:
    """A genome to draw."""

    id: str
    species: str  # to compare it with; "" if none is known
    known_by: str  # source of the species: "reference", "called", "nearest"; "" if none is known
    length_bp: int
    course: Counts  # (P, 4); finer than the stored course if the bases are known
    stored_course: Counts  # (256, 4), as in the index
    genome: Genome | None  # None for a large reference, whose bases are not stored
    row: int  # in the index; -1 for a file


@dataclass(frozen=True)
class Member:
    """A reference of a species with its stored course."""

    id: str
    length_bp: int
    course: Counts  # (256, 4)


def reference_subject(index: Index, entry: Entry) -> Subject:
    """A genome of the index."""
    species, genome = entry.lineage.name("species") or "", index.references.genome(entry.row)
    stored_course = course_of(index, entry)
    return Subject(
        id=entry.id,
        species=species,
        known_by="reference" if species else "",
        length_bp=entry.length_bp,
        course=stored_course if genome is None else _fine(genome),
        stored_course=stored_course,
        genome=genome,
        row=entry.row,
    )


def file_subject(index: Index, genome: Genome) -> Subject:
    """A genome of a file, with its called species, else that of the nearest reference."""
    [call] = answer(index, [genome], QuerySettings(k=1))
    return called_subject(genome, call)


def called_subject(genome: Genome, call: Call) -> Subject:
    """A genome of a file whose call is known."""
    nearest = call.closest.species if call.closest is not None and call.verdict != "out_of_scope" else None
    species = call.name if call.verdict == "species" else nearest
    known_by = "called" if call.verdict == "species" else "nearest"
    return Subject(
        id=genome.id,
        species=species or "",
        known_by=known_by if species else "",
        length_bp=genome.length_bp,
        course=_fine(genome),
        stored_course=count_course(genome, PIECES),
        genome=genome,
        row=-1,
    )


def members(index: Index, species: str, without: int = -1) -> list[Member]:
    """The references of a species without the row `without`; an even sample of more than MOST_MEMBERS."""
    entries = [entry for entry in _of(index, species) if entry.row != without]
    return [Member(entry.id, entry.length_bp, course_of(index, entry)) for entry in _some(entries)]


def count_members(index: Index, species: str) -> int:
    return len(_of(index, species))


def require_species(index: Index, species: str) -> None:
    """Raise UsageError, with the nearest name, if no genome of the index is of the species."""
    names = {entry.lineage.name("species") or "" for entry in index.catalog.entries()} - {""}
    if species not in names:
        cure = did_you_mean(species, names, "`gindex list` lists the species")
        raise UsageError(f"{index.path}: no genome is of the species {species!r}; {cure}")


def course_of(index: Index, entry: Entry) -> Counts:
    """The stored course of a reference, counts of A, C, G and T in its pieces: (256, 4)."""
    return decode_course(index.references.course(entry.row))


def _of(index: Index, species: str) -> list[Entry]:
    """The references of a species, by row; none without a species."""
    if not species:
        return []
    return [entry for entry in index.catalog.entries() if entry.lineage.name("species") == species]


def _fine(genome: Genome) -> Counts:
    return count_course(genome, min(MOST_POINTS, genome.length_bp))


def _some(entries: Sequence[Entry]) -> list[Entry]:
    at = np.linspace(0, len(entries) - 1, min(MOST_MEMBERS, len(entries))).round().astype(int)
    return [entries[number] for number in at]
