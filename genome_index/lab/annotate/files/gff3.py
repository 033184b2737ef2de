"""GFF3 1.26: features, directives and embedded sequences.

This parser is our own, because what is at hand does something else: gffutils builds an SQLite file of the
lines, and bcbio-gff makes Biopython's records of whole contigs, in which lines of one ID are several
features. Both are slower, and neither names a bad line. Both are oracles of the tests.

Source: github.com/The-Sequence-Ontology/Specifications, gff3.md, version 1.26.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from genome_index.io.bases import NO_TAXON, checked_record
from genome_index.io.ids.record_names import record_name
from genome_index.lab.annotate.files.columns import Complaints, Row, feature_of, row_of
from genome_index.lab.annotate.files.escapes import attributes_from, unescaped
from genome_index.lab.annotate.files.features import Annotation, Attributes, Feature, Region
from genome_index.lab.annotate.files.hierarchy import Hierarchy
from genome_index.records import Contig

_REGION = re.compile(r"##sequence-region +(\S+) +([0-9]+) +([0-9]+) *")
Numbered = Iterator[tuple[int, str]]  # lines with their 1-based numbers, without line ends
Key = tuple[str, str, str, str]  # contig, source, type and ID: lines that have them in common are one feature


@dataclass
class _Groups:
    """Lines by feature, in the order of the first line of each."""

    complaints: Complaints
    rows: list[list[Row]] = field(default_factory=list)
    attributes: list[list[Attributes]] = field(default_factory=list)
    numbers: dict[Key, int] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)  # ID -> its first line

    def add(self, row: Row) -> None:
        attributes = attributes_from(row.attributes, lambda reason: self.complaints.add(row.line, reason))
        name = next((values[0] for name, values in attributes if name == "ID"), "")
        key = (row.contig, row.source, row.type, name)
        number = self.numbers.setdefault(key, len(self.rows)) if name else len(self.rows)
        if number == len(self.rows):
            self._warn_of_second_use(name, row.line)
            self.rows.append([])
            self.attributes.append([])
        self.rows[number].append(row)
        self.attributes[number].append(attributes)

    def _warn_of_second_use(self, name: str, line: int) -> None:
        first = self.lines.setdefault(name, line) if name else line
        if first != line:
            cure = "lines of one ID are one feature, of one contig, source and type: give it an ID of its own"
            self.complaints.add(line, f"ID {name!r} is that of line {first}, read as another feature; {cure}")

    def features(self) -> tuple[Feature, ...]:
        return tuple(map(feature_of, self.rows, self.attributes))


def gff3_annotation(lines: Iterable[str], path: str) -> Annotation:
    """The annotation in the lines of a GFF3 file, which may end with line ends.

    A line that cannot be used becomes a complaint; the rest is read.
    """
    groups = _Groups(Complaints(path))
    regions: list[Region] = []
    sequences: tuple[Contig, ...] = ()
    numbered = ((number, line.rstrip("\r\n")) for number, line in enumerate(lines, 1))
    for number, line in numbered:
        if line.startswith((">", "##FASTA")):
            sequences = tuple(_sequences(line, number, numbered, groups.complaints))
        elif line.startswith("##sequence-region"):
            regions += _region(line, number, groups.complaints)
        elif line.strip() and not line.startswith("#"):
            row = row_of(line, number, groups.complaints)
            if row is not None:
                groups.add(_unescaped(row))
    features = groups.features()
    _warn_of_parents(features, groups.complaints)
    return Annotation(features, tuple(regions), sequences, tuple(groups.complaints.all))


def _unescaped(row: Row) -> Row:
    contig, source, kind = map(unescaped, (row.contig, row.source, row.type))
    return replace(row, contig=contig, source=source, type=kind)


def _region(line: str, number: int, complaints: Complaints) -> list[Region]:
    found = _REGION.fullmatch(line)
    if found and 0 < int(found[2]) <= int(found[3]):
        return [Region(unescaped(found[1]), int(found[2]) - 1, int(found[3]))]
    complaints.add(number, f"{line!r}, left out; write ##sequence-region NAME START END")
    return []


def _sequences(line: str, number: int, numbered: Numbered, complaints: Complaints) -> Iterator[Contig]:
    """The sequences after the features: after ##FASTA, or from the first > on."""
    header, first = line if line.startswith(">") else "", number
    parts: list[str] = []
    for number, line in numbered:
        if line.startswith(">"):
            yield from _contig(header, parts, first, complaints)
            header, parts, first = line, [], number
        elif not line.startswith(";"):
            parts.append(line)
    yield from _contig(header, parts, first, complaints)


def _contig(header: str, parts: list[str], line: int, complaints: Complaints) -> Iterator[Contig]:
    sequence = "".join(parts).encode("ascii", "replace")
    if not header:
        if sequence.strip():
            complaints.add(line, "bases before the first > after ##FASTA, left out; write >NAME before them")
        return
    record = checked_record(Contig(record_name(header[1:].encode()), sequence), NO_TAXON)
    if record.reason or not record.contig.name:
        complaints.add(
            line, f"{record.reason or 'a sequence without a name'}, left out; write >NAME and bases"
        )
    else:
        yield record.contig


def _warn_of_parents(features: tuple[Feature, ...], complaints: Complaints) -> None:
    hierarchy = Hierarchy(features)
    for feature, name in hierarchy.unknown_parents():
        cure = "give the parent a line with this ID, or remove the attribute"
        complaints.add(feature.line, f"Parent {name!r} is no ID of this file; {cure}")
    for feature in hierarchy.cycles():
        complaints.add(feature.line, f"{feature.id!r} is its own ancestor; correct the attribute Parent")
    complaints.all.sort(key=lambda complaint: complaint.line)
