"""GenBank and EMBL flat files: the sequence, name and organism of each record, whatever else it holds.

Annotation programs write LOCUS lines in which a long name runs into the length, features that are broken off,
and headers without an accession. Only what gindex needs is read, so none of that costs a genome.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

from genome_index.errors import InputError
from genome_index.io.bases import FileRecord, checked_record
from genome_index.io.formats.flat_entries import Entry, entries_of
from genome_index.records import Contig, Lineage, Taxon

NO_NAMES = frozenset(  # what annotation programs and databases write for an unknown organism, in lower case
    ("genus species", "unclassified", "unclassified sequences", "other sequences", "unknown", "unknown.", ".",
     "unspecified", "unidentified", "unknown organism", "none", "n/a", "not available")
)  # fmt: skip
NO_IDS = frozenset((".", "unknown", "unknown.1", "<unknown", "none", ""))  # of DFAST, Biopython, SnapGene


def flat_file_records(stream: io.BufferedReader, kind: str, source: str) -> Iterator[FileRecord]:
    """The records of a GenBank or EMBL file, `kind`; organism and lineage become the taxon.

    Raises
    ------
    InputError
        The file ends before the sequence of its last record begins.
    """
    with io.TextIOWrapper(stream, encoding="utf-8", errors="replace") as text:
        for entry in entries_of(text, "LOCUS" if kind == "GenBank" else "ID"):
            if not (entry.is_complete or entry.has_sequence):
                why = "Premature end of line during sequence data"
                reason = f"not a well-formed {kind} file ({why}); download it again, or give it as FASTA"
                raise InputError(source, reason)
            yield record_of(entry)


def record_of(entry: Entry) -> FileRecord:
    """The record of an entry; its reason says why its sequence cannot be used, and is empty if it can."""
    sequence = "".join(entry.parts).upper().encode("ascii", "replace")
    contig = Contig(_name(entry, len(sequence)), sequence)
    if entry.members and not sequence:
        reason = (
            f"record {contig.name!r} is the master of a project, without sequence; "
            f"download its contigs ({entry.members}), or the assembly"
        )
        return FileRecord(contig, _taxon(entry), reason, is_master=True)
    if not entry.has_sequence:
        reason = "a record without its sequence (no ORIGIN); download it with the sequence"
        return FileRecord(contig, _taxon(entry), reason)
    if reason := _cut(entry, contig):
        return FileRecord(contig, _taxon(entry), reason)
    return checked_record(contig, _taxon(entry))


def _name(entry: Entry, bases: int) -> str:
    """The version, else the accession, else the name of the LOCUS line without the length run into it."""
    collided = entry.locus == entry.length and not entry.locus.isdigit()
    locus = entry.locus.removesuffix(str(bases)) if collided else entry.locus
    return next((name for name in (entry.version, entry.accession) if name.lower() not in NO_IDS), locus)


def _cut(entry: Entry, contig: Contig) -> str:
    """Why a record is not whole, as a sentence; empty if it is, as far as its first line says its length."""
    bases, cure = len(contig.sequence), "it was cut or changed: download it again, or correct the length"
    if entry.length.isdigit():
        if int(entry.length) != bases:
            return f"record {contig.name!r} has {bases} bp, but its length is given as {entry.length}; {cure}"
    elif entry.length and not entry.length.endswith(str(bases)):
        return f"record {contig.name!r} has {bases} bp, but its LOCUS line has {entry.length!r}; {cure}"
    elif not (entry.length or entry.is_complete):
        return f"record {contig.name!r} ends without //; it may be cut: download it again"
    return ""


def _taxon(entry: Entry) -> Taxon:
    names = [name.strip() for name in entry.lineage.strip().removesuffix(".").split(";")]
    organism = " ".join(entry.organism.split())
    known = [name for name in names if name and name.casefold() not in NO_NAMES]
    return taxon_of("" if organism.casefold() in NO_NAMES else organism, known)


def taxon_of(organism: str, lineage: list[str]) -> Taxon:
    """The taxon of a record, whose lineage has no ranks: they follow from the suffixes of names.

    By the codes of nomenclature (ICNP, ICN, ICZN, ICTV) -aceae, -idae and -viridae are families, -ales and
    -virales orders; the genus is the name in the lineage with which the organism's name starts.
    """
    names: dict[str, str] = {}
    if lineage:
        names["superkingdom"] = lineage[0]
    for name in lineage:
        if name.endswith(("aceae", "idae", "viridae")):
            names["family"] = name
        elif name.endswith("ales"):
            names["order"] = name
        if organism.startswith(name + " "):
            names["genus"] = name
    if organism:
        names["species"] = organism
    return Taxon(Lineage(names), {"lineage": "; ".join(lineage)} if lineage else {})
