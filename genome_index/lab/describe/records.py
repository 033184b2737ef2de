"""What a GenBank or EMBL record says about its sequence: organism, place, host, genes, and papers cited."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from genome_index.errors import InputError
from genome_index.io.bases import FileRecord, not_nucleotides, too_many
from genome_index.io.compression import READ_ERRORS, cause, open_stream
from genome_index.io.formats.flat_entries import entries_of
from genome_index.io.formats.flatfile import record_of
from genome_index.io.inputs import printable
from genome_index.lab.annotate.files.feature_table import Table, watched
from genome_index.lab.annotate.files.reader import LINES_THAT_TELL, format_of
from genome_index.lab.describe.headers import Header, Reference, with_headers
from genome_index.records import Lineage

PLACES = ("geo_loc_name", "country")  # INSDC's name of it since 2024, and the one before
SOURCES = ("isolation_source", "environment", "env_medium", "env_material", "env_local_scale")
"""Qualifiers and names of structured comments (MIxS) that say what a sample was taken from, best first."""
NOT_COUNTED = ("source", "gene")  # features that others repeat
MOST_GENES = 500  # names of genes in a row: a bacterium has thousands, which describe it no better
PROTEIN = "a protein, whose length is of residues (aa); give the nucleotide record that codes for it"


@dataclass(frozen=True)
class RecordDescription:
    """What one record says; an empty text: it does not say."""

    id: str  # accession with version
    definition: str
    organism: str
    common_name: str
    names: Lineage  # by rank, as far as suffixes tell
    lineage: tuple[str, ...]  # broadest first
    molecule: str  # 'genomic DNA', 'mRNA' ...
    organelle: str  # 'mitochondrion', 'plastid:chloroplast' ...
    is_circular: bool
    length_bp: int
    strain: str
    host: str
    country: str
    isolation_source: str
    collection_date: str
    features: Mapping[str, int]  # key -> number of them
    genes: tuple[str, ...]  # names, each once, in the order of the record
    products: tuple[str, ...]
    references: tuple[Reference, ...]  # without direct submissions
    keywords: str
    comment: str
    date: str  # of the record


@dataclass(frozen=True)
class ReadRecord:
    """One record of a file: what it says, its sequence, and why it cannot be used."""

    description: RecordDescription
    sequence: bytes  # ASCII, upper case
    source: str  # file
    reason: str = ""  # empty if it can be used


def iter_records(path: str) -> Iterator[ReadRecord]:
    """The records of a GenBank or EMBL file, plain or compressed, one at a time.

    Raises
    ------
    InputError
        The file cannot be read, or is no flat file.
    """
    source = printable(path)
    try:
        with open_stream(path) as stream, io.TextIOWrapper(stream, "utf-8", "replace") as text:
            first = list(islice(text, LINES_THAT_TELL))
            kind = format_of(first)
            if kind not in ("GenBank", "EMBL"):
                raise InputError(source, _not_flat(first))
            yield from _records(chain(first, text), kind, source)
    except READ_ERRORS as error:
        raise InputError(source, cause(error)) from error


def _not_flat(first: Sequence[str]) -> str:
    if not any(line.strip() for line in first):
        return "the file is empty; give GenBank or EMBL files"
    what = "this is FASTA, which describes nothing" if first[0].startswith(">") else "not a flat file"
    return f"{what}; give GenBank or EMBL, as `gindex fetch --format genbank` saves it"


def _records(lines: Iterable[str], kind: str, source: str) -> Iterator[ReadRecord]:
    tables: list[Table] = []
    headers: list[Header] = []
    watching = with_headers(watched(lines, tables), headers)
    for entry in entries_of(watching, "LOCUS" if kind == "GenBank" else "ID"):
        header, table, record = headers.pop(0), tables.pop(0), record_of(entry)
        description = describe(header, table, record)
        reason = (PROTEIN if header.is_protein else record.reason) or _unusable(record, description)
        yield ReadRecord(description, record.contig.sequence, source, reason)


def _unusable(record: FileRecord, description: RecordDescription) -> str:
    name, sequence = record.contig.name, record.contig.sequence
    if not sequence:
        return f"record {name!r} has no sequence; download it with the sequence"
    if too_many(record.foreign, len(sequence)):
        return not_nucleotides(name, record.foreign)
    if not (description.organism or description.definition or description.references):
        return f"record {name!r} has no organism, definition or paper: nothing describes it"
    return ""


def describe(header: Header, table: Table, record: FileRecord) -> RecordDescription:
    """What a record says, from its header and its features."""
    taxon, says = record.taxon, {**_structured(header.lines("COMMENT")), **_source_of(table)}
    lineage, organism = taxon.labels.get("lineage", ""), taxon.lineage.name("species") or ""
    if says.get("organism") and organism.startswith(f"{says['organism']} ("):
        organism = says["organism"]  # EMBL has the common name behind it
    return RecordDescription(
        record.contig.name, header.text("DEFINITION").rstrip("."), organism,
        _common_name(header.text("SOURCE"), organism), taxon.lineage,
        tuple(lineage.split("; ")) if lineage else (), says.get("mol_type", ""), says.get("organelle", ""),
        header.is_circular, len(record.contig.sequence), says.get("strain", "") or says.get("isolate", ""),
        says.get("host", "") or says.get("specific_host", "") or says.get("lab_host", ""),
        _first(says, PLACES), _first(says, SOURCES), says.get("collection_date", ""),
        Counter(one.key for one in table.features if one.key not in NOT_COUNTED),
        _values(table, "gene")[:MOST_GENES], _values(table, "product")[:MOST_GENES],
        tuple(reference for reference in header.references() if reference.is_paper),
        header.text("KEYWORDS").rstrip("."), _prose(header.lines("COMMENT")), header.date,
    )  # fmt: skip


def _first(says: Mapping[str, str], names: Iterable[str]) -> str:
    return next((says[name] for name in names if says.get(name)), "")


def _source_of(table: Table) -> dict[str, str]:
    """The qualifiers of the source features; the first one of a name stands."""
    says: dict[str, str] = {}
    for feature in table.features:
        for name, value in feature.qualifiers() if feature.key == "source" else ():
            says.setdefault(name, value)
    return says


def _values(table: Table, name: str) -> tuple[str, ...]:
    """The values of a qualifier over all features, each once."""
    pairs = (pair for feature in table.features if feature.key != "source" for pair in feature.qualifiers())
    return tuple(dict.fromkeys(value for own, value in pairs if own == name and value))


def _common_name(source: str, organism: str) -> str:
    """The name behind the organism's: `mitochondrion Hyla arborea (European tree frog)`.

    Some have other words there: `(chloroplast Hyla arborea)`, or more behind the parenthesis.
    """
    name = source.partition(f"{organism} (")[2]
    return name.removesuffix(")") if organism and name.endswith(")") and organism not in name else ""


def _structured(comment: Iterable[str]) -> dict[str, str]:
    """The names and values of structured comments, `name :: value`, whose values may run on."""
    says: dict[str, str] = {}
    name = ""
    for line in comment:
        before, mark, after = line.partition(" :: ")
        if line.startswith("##"):
            name = ""
        elif mark:
            name = before.strip()
            says.setdefault(name, after.strip())
        elif name:
            says[name] += f" {line.strip()}"
    return says


def _prose(comment: Iterable[str]) -> str:
    """The comment without its structured parts, as one line."""
    inside, kept = False, []
    for line in comment:
        if line.startswith("##"):
            inside = line.rstrip("#").endswith("START")
        elif not inside:
            kept.append(line)
    return " ".join(" ".join(kept).split())
