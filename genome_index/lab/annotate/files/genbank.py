"""GenBank and EMBL: features with the attributes and IDs that GFF3 would have.

A feature belongs to the gene of the same locus_tag (or gene name, where it has none) that shares most bases
with it. Phases of a CDS follow from /codon_start. Open ends become start_range and end_range, as in GFF3 of
NCBI. The key `source` becomes `region`, the landmark of the contig.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from genome_index.io.formats.flat_entries import entries_of
from genome_index.io.formats.flatfile import record_of
from genome_index.lab.annotate.files.columns import Complaints, Names, joined
from genome_index.lab.annotate.files.feature_table import Table, TableFeature, watched
from genome_index.lab.annotate.files.features import (
    PHASES,
    Annotation,
    Attributes,
    Feature,
    Part,
    Phase,
    Region,
    attributes_of,
    with_values,
)
from genome_index.lab.annotate.files.locations import LocationError, Span, spans_of
from genome_index.records import Contig

RESERVED = {"db_xref": "Dbxref", "note": "Note"}  # names that GFF3 has for qualifiers
TAGS = ("locus_tag", "gene")


@dataclass(frozen=True)
class _Record:
    """What the features of a record need to know of it."""

    contig: str
    length: int
    is_circular: bool
    source: str  # GenBank or EMBL


def flat_file_annotation(lines: Iterable[str], kind: str, path: str) -> Annotation:
    """The annotation of a GenBank or EMBL file, `kind`; what cannot be used becomes a complaint."""
    complaints, names = Complaints(path), Names()
    tables: list[Table] = []
    features: list[Feature] = []
    regions: list[Region] = []
    sequences: list[Contig] = []
    for entry in entries_of(watched(lines, tables), "LOCUS" if kind == "GenBank" else "ID"):
        table, read = tables.pop(0), record_of(entry)
        length = len(read.contig.sequence) or (int(entry.length) if entry.length.isdigit() else 0)
        record = _Record(read.contig.name, length, table.is_circular, kind)
        if read.reason:
            complaints.add(table.line, read.reason)
        elif read.contig.sequence:
            sequences.append(read.contig)
        if length:
            regions.append(Region(record.contig, 0, length))
        features += _features(record, table, names, complaints)
    return Annotation(tuple(features), tuple(regions), tuple(sequences), tuple(complaints.all))


def _features(record: _Record, table: Table, names: Names, complaints: Complaints) -> list[Feature]:
    read = [_feature(record, one, names, complaints) for one in table.features]
    features = [feature for feature in read if feature is not None]
    if record.is_circular and record.length and not any(feature.is_circular for feature in features):
        landmark = (("ID", (names.new(f"region-{record.contig}"),)), ("Is_circular", ("true",)))
        whole = Part(0, record.length, "+")
        features.insert(0, Feature(record.contig, record.source, "region", (whole,), landmark, table.line))
    genes = _genes(features)
    return [_with_parent(feature, genes) for feature in features]


def _feature(record: _Record, one: TableFeature, names: Names, complaints: Complaints) -> Feature | None:
    """A feature without its parent; None, with a complaint, where its location cannot be used."""
    spans = list(_local_spans(record, one, complaints))
    if not spans:
        return None
    kind = "region" if one.key == "source" else one.key
    own = attributes_of((RESERVED.get(name, name), [value]) for name, value in one.qualifiers())
    own = with_values(own, _new_attributes(kind, own, record, spans, names))
    parts = [Part(span.start, span.end, "-" if span.is_reverse else "+") for span in spans]
    if kind == "CDS":
        parts = with_phases(parts, _codon_start(own, one.line, complaints))
    of_parts = [attributes_of([*own, *_span_attributes(span)]) for span in spans]
    return joined(record.contig, record.source, kind, parts, of_parts, one.line)


def _local_spans(record: _Record, one: TableFeature, complaints: Complaints) -> list[Span]:
    """The pieces on this record, joined where they meet at the origin of a circular one."""
    try:
        spans = spans_of(one.location)
    except LocationError as error:
        complaints.add(one.line, f"{one.key}: {error}, left out; write it as GenBank does")
        return []
    local: list[Span] = []
    if elsewhere := sorted({span.record for span in spans if span.record}):
        where = ", ".join(elsewhere)
        complaints.add(one.line, f"{one.key}: parts on {where} are left out; give them in one record")
    for span in spans:
        if span.record:
            continue
        if span.start < 0 or (span.end <= span.start and not (record.is_circular and record.length)):
            complaints.add(
                one.line, f"{one.key}: {one.location!r} does not run upwards from 1, left out; correct it"
            )
        elif span.end <= span.start:  # over the origin, in the way of some programs
            local.append(replace(span, end=span.end + record.length))
        elif local and (over := _over_origin(local[-1], span, record)):
            local[-1] = over
        else:
            local.append(span)
    return local


def _over_origin(first: Span, second: Span, record: _Record) -> Span | None:
    """The one piece that two make, in the order of the feature, at the origin of a circular record."""
    low, high = (second, first) if not first.is_reverse else (first, second)
    meets = high.end == record.length and low.start == 0 and first.is_reverse == second.is_reverse
    if not (record.is_circular and meets):
        return None
    return replace(
        high, end=record.length + low.end, opens_before=high.opens_before, opens_after=low.opens_after
    )


def with_phases(parts: Sequence[Part], phase: Phase) -> list[Part]:
    """The parts of a CDS, 5' end first, with their phases; `phase` is that of the first one.

    >>> [part.phase for part in with_phases([Part(0, 4, "+"), Part(9, 14, "+"), Part(20, 26, "+")], 0)]
    [0, 2, 0]
    """
    phased: list[Part] = []
    for part in parts:
        phased.append(replace(part, phase=phase))
        phase = PHASES[(phase - (part.end - part.start)) % 3]
    return phased


def _codon_start(attributes: Attributes, line: int, complaints: Complaints) -> Phase:
    value = next((values[0] for name, values in attributes if name == "codon_start"), "1")
    if value in ("1", "2", "3"):
        return PHASES[int(value) - 1]
    complaints.add(line, f"/codon_start is {value!r}, read as 1; write 1, 2 or 3")
    return 0


def _new_attributes(
    kind: str, own: Attributes, record: _Record, spans: Sequence[Span], names: Names
) -> dict[str, list[str]]:  # fmt: skip
    """ID, Name and what else GFF3 has for the features of a flat file."""
    values = {name: given[0] for name, given in own}
    tag = values.get("protein_id", "") if kind == "CDS" else ""
    tag = tag or next((values[name] for name in TAGS if name in values), record.contig)
    new = {"ID": [names.new(f"{kind.lower()}-{tag}")]}
    if kind == "gene" and tag != record.contig:
        new["Name"] = [values.get("gene", tag)]
    if kind == "region" and record.is_circular and (spans[0].start, spans[-1].end) == (0, record.length):
        new["Is_circular"] = ["true"]
    if any(span.opens_before or span.opens_after for span in spans):
        new["partial"] = ["true"]
    return new


def _span_attributes(span: Span) -> Iterator[tuple[str, tuple[str, ...]]]:
    if span.opens_before:
        yield "start_range", (".", str(span.start + 1))
    if span.opens_after:
        yield "end_range", (str(span.end), ".")
    if span.is_site:
        yield "site", (f"{span.start + 1}^{span.start + 2}",)


def _genes(features: Iterable[Feature]) -> dict[tuple[str, str], list[Feature]]:
    """The genes by locus_tag and by gene name."""
    genes: dict[tuple[str, str], list[Feature]] = {}
    for feature in features:
        for name in TAGS if feature.type == "gene" else ():
            if value := feature.value(name):
                genes.setdefault((name, value), []).append(feature)
    return genes


def _with_parent(feature: Feature, genes: dict[tuple[str, str], list[Feature]]) -> Feature:
    name = next((name for name in TAGS if feature.value(name)), "")
    candidates = genes.get((name, feature.value(name)), [])
    if feature.type in ("gene", "region") or not candidates:
        return feature
    parent = max(candidates, key=lambda gene: _shared_bases(feature, gene))
    own = dict(feature.attributes)
    new = {"ID": own["ID"], "Parent": (parent.id,)}
    return replace(feature, attributes=with_values(feature.attributes, new))


def _shared_bases(one: Feature, other: Feature) -> int:
    return sum(
        max(0, min(a.end, b.end) - max(a.start, b.start))
        for a in one.parts for b in other.parts if a.strand == b.strand
    )  # fmt: skip
