"""GTF 2.2: genes and transcripts are named on each line; they become the features that GFF3 would have.

A gene or transcript without a line of its own is made from its lines. The CDS lines of a transcript are one
feature. GTF leaves the stop codon out of the CDS and GFF3 has it in: it is added where it is not covered.

Source: mblab.wustl.edu/GTF22.html; Ensembl and GENCODE for the lines `gene` and `transcript`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from genome_index.lab.annotate.files.columns import Complaints, Names, Row, feature_of, row_of
from genome_index.lab.annotate.files.features import (
    Annotation,
    Attributes,
    Feature,
    Part,
    attributes_of,
    with_values,
)

_PAIR = re.compile(r' *([^\s;"]+) +(?:"([^"]*)"|([^;"]*?)) *(?:;|$)')
_REST = re.compile(r"[ ;]*(?:#.*)?")
Owner = tuple[str, str]  # contig, and gene_id or transcript_id
Line = tuple[Row, Attributes]


def gtf_attributes(column: str, complain: Callable[[str], None]) -> Attributes:
    """The attributes in column 9: `name "value";`, numbers without quotes; a name may be there again."""
    pairs: list[tuple[str, list[str]]] = []
    at = 0
    while found := _PAIR.match(column, at):
        name, quoted, bare = found.groups()
        pairs.append((name, [bare if quoted is None else quoted]))
        at = found.end()
    if not _REST.fullmatch(column, at):
        complain(
            f'attributes from {column[at:].strip()[:30]!r} on are left out; write name "value"; each time'
        )
    return attributes_of(pairs)


@dataclass
class _Owners:
    """The genes or the transcripts: ID, lines, and whether one of these is its own."""

    type: str
    ids: dict[Owner, str] = field(default_factory=dict)
    lines: dict[Owner, list[Line]] = field(default_factory=dict)
    has_line: set[Owner] = field(default_factory=set)

    def add(self, line: Line, names: Names) -> None:
        owner = _owner(line, self.type)
        if not owner[1]:
            return
        if owner not in self.ids:
            self.ids[owner] = names.new(owner[1])
        self.lines.setdefault(owner, []).append(line)
        if line[0].type == self.type:
            self.has_line.add(owner)

    def id_of(self, line: Line) -> str:
        return self.ids.get(_owner(line, self.type), "")


def gtf_annotation(lines: Iterable[str], path: str) -> Annotation:
    """The annotation in the lines of a GTF file; a line that cannot be used becomes a complaint."""
    complaints, names = Complaints(path), Names()
    genes, transcripts = _Owners("gene"), _Owners("transcript")
    read = list(_lines(lines, complaints))
    for owners in (genes, transcripts):  # genes first: where both have one name, it is the gene's ID
        for line in read:
            owners.add(line, names)
    features: list[Feature] = []
    made: set[Owner] = set()
    coding: set[Owner] = set()
    for line in read:
        features += _made_owners(line, genes, transcripts, made)
        owner = _owner(line, "transcript")
        if line[0].type == "CDS" and owner[1]:
            if owner not in coding:
                coding.add(owner)
                features.append(_coding(transcripts.lines[owner], genes, transcripts, names))
        else:
            features.append(feature_of([line[0]], [_named(line, genes, transcripts)]))
    return Annotation(tuple(features), complaints=tuple(complaints.all))


def _lines(lines: Iterable[str], complaints: Complaints) -> Iterator[Line]:
    for number, text in enumerate(lines, 1):
        text = text.rstrip("\r\n")
        if not text.strip() or text.startswith("#"):
            continue
        row = row_of(text, number, complaints)
        if row is None:
            continue
        attributes = gtf_attributes(row.attributes, lambda reason, at=number: complaints.add(at, reason))  # type: ignore[misc]
        for name in _needed(row.type):
            if not any(own == name and values[0] for own, values in attributes):
                complaints.add(number, f'{row.type} without {name}, read alone; write {name} "ID";')
        yield row, attributes


def _needed(kind: str) -> tuple[str, ...]:
    if kind == "gene":
        return ("gene_id",)
    return ("gene_id", "transcript_id") if kind in ("transcript", "exon", "CDS", "stop_codon") else ()


def _owner(line: Line, kind: str) -> Owner:
    row, attributes = line
    return row.contig, next((values[0] for name, values in attributes if name == f"{kind}_id"), "")


def _named(line: Line, genes: _Owners, transcripts: _Owners) -> Attributes:
    """The attributes of a line with the ID and Parent that they stand for."""
    kind, gene, transcript = line[0].type, genes.id_of(line), transcripts.id_of(line)
    if kind == "gene":
        new = {"ID": gene}
    elif kind == "transcript":
        new = {"ID": transcript, "Parent": gene}
    else:
        new = {"Parent": transcript or gene}
    return with_values(line[1], {name: [value] for name, value in new.items() if value})


def _made_owners(line: Line, genes: _Owners, transcripts: _Owners, made: set[Owner]) -> Iterator[Feature]:
    """The gene and transcript of a line that have none of their own, once, before their first line."""
    for owners in (genes, transcripts):
        owner = _owner(line, owners.type)
        key = (f"{owners.type} {owner[0]}", owner[1])
        if owner not in owners.ids or owner in owners.has_line or key in made:
            continue
        made.add(key)
        own = [row for row, _ in owners.lines[owner]]
        part = Part(min(row.part.start for row in own), max(row.part.end for row in own), own[0].part.strand)
        row = replace(own[0], type=owners.type, part=part)
        prefixes = ("gene_",) if owners.type == "gene" else ("gene_", "transcript_")
        attributes = tuple(pair for pair in line[1] if pair[0].startswith(prefixes))
        yield feature_of([row], [_named((row, attributes), genes, transcripts)])


def _coding(lines: list[Line], genes: _Owners, transcripts: _Owners, names: Names) -> Feature:
    """The CDS of a transcript, with its stop codon, from all lines of that transcript."""
    own = [line for line in lines if line[0].type == "CDS"]
    name = names.new(f"cds-{transcripts.id_of(own[0])}")
    named = [with_values(_named(line, genes, transcripts), {"ID": [name]}) for line in own]
    feature = feature_of([row for row, _ in own], named)
    parts = list(feature.parts)
    for row, _ in lines:
        if row.type == "stop_codon":
            _add_stop(parts, row.part)
    return replace(feature, parts=tuple(parts))


def _add_stop(parts: list[Part], stop: Part) -> None:
    """Add the stop codon, or its part in one exon, to the CDS unless it is covered."""
    if any(part.start <= stop.start and stop.end <= part.end for part in parts):
        return
    for at, part in enumerate(parts):
        if stop.strand != "-" and part.end == stop.start:
            parts[at] = replace(part, end=stop.end)
            return
        if stop.strand == "-" and part.start == stop.end:
            parts[at] = replace(part, start=stop.start)
            return
    parts.append(stop)
