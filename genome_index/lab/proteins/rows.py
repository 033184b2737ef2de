"""Answers as rows: of each query its hits, or why it has none; of each reference that failed, why."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from genome_index.io import tsv
from genome_index.lab.proteins.comparison import Answer, Hit, Member
from genome_index.records import Failure, counted, rounded

COLUMNS = (
    "query", "reference", "name", "aai", "containment", "jaccard", "shared_kmers", "shared_by_chance",
    "query_genes", "query_residues", "query_kmers", "reference_genes", "reference_residues",
    "reference_kmers", "failed", "note",
)  # fmt: skip
"""`failed`: query or reference, where one could not be read; `note`: why there is no hit or no AAI."""
HEADINGS = (
    "reference", "name", "AAI %", "containment", "Jaccard", "shared", "by chance", "genes", "residues",
    "k-mers", "note",
)  # fmt: skip
TEXTS = ("reference", "name", "note")  # headings of columns that are no numbers
Row = Mapping[str, Any]


def rows_of(answer: Answer) -> Iterator[Row]:
    """The rows of a query: one a hit; one with the reason where there is no hit."""
    for hit in answer.hits:
        yield _row({"query": answer.query.id}, _sizes("query", hit.query), _hit(hit))
    if not answer.hits:
        query = answer.query
        sizes = _sizes("query", query) if isinstance(query, Member) else {"failed": "query"}
        yield _row({"query": query.id, "note": answer.reason}, sizes)


def rows_of_all(answers: Iterable[Answer | Failure]) -> Iterator[Row]:
    """The rows of answers and of references that failed, in order."""
    for answer in answers:
        if isinstance(answer, Failure):
            yield failed_reference(answer)
        else:
            yield from rows_of(answer)


def failed_reference(failure: Failure) -> Row:
    """The row of a reference that could not be read; it has no query."""
    return _row({"reference": failure.id, "failed": "reference", "note": failure.reason})


def tsv_lines(rows: Iterable[Row]) -> Iterator[str]:
    """Rows as TSV, the header first."""
    yield tsv.row(COLUMNS)
    for row in rows:
        yield tsv.row(row[column] for column in COLUMNS)


def json_lines(rows: Iterable[Row]) -> Iterator[str]:
    """Rows as JSON lines; null where there is no value."""
    for row in rows:
        yield json.dumps(row, ensure_ascii=False) + "\n"


FORMATS = {"tsv": tsv_lines, "jsonl": json_lines}


def heading_of(answer: Answer | Failure, k: int) -> str:
    """What was compared of a query, or why nothing was, as a line."""
    if isinstance(answer, Failure):
        return f"reference {answer.id}: failed: {answer.reason}"
    query = answer.query
    if isinstance(query, Failure):
        return f"{query.id}: failed: {query.reason}"
    sketch = query.sketch
    found = f"{counted(sketch.genes, 'gene')}, {counted(sketch.residues, 'residue')}"
    line = f"{query.id}: {found}, {counted(len(sketch.hashes), f'{k}-mer')}"
    return f"{line}; {answer.reason}" if answer.reason else line


def cells_of(hit: Hit) -> tuple[str, ...]:
    """A hit as the cells of a table with HEADINGS."""
    sketch = hit.reference.sketch
    return (
        hit.reference.id, _name(hit.reference) or "-", "-" if hit.aai is None else f"{hit.aai:.1f}",
        f"{hit.containment:.4f}", f"{hit.jaccard:.4f}", f"{hit.shared:,}", f"{hit.by_chance:,.1f}",
        f"{sketch.genes:,}", f"{sketch.residues:,}", f"{len(sketch.hashes):,}", hit.why_no_estimate,
    )  # fmt: skip


def _row(*parts: Row) -> Row:
    """A row with all columns, None where no part has one."""
    row: dict[str, Any] = dict.fromkeys(COLUMNS)
    for part in parts:
        row.update(part)
    return row


def _hit(hit: Hit) -> Row:
    return {
        "reference": hit.reference.id,
        "name": _name(hit.reference),
        "aai": rounded(hit.aai, 2),
        "containment": round(hit.containment, 6),
        "jaccard": round(hit.jaccard, 6),
        "shared_kmers": hit.shared,
        "shared_by_chance": round(hit.by_chance, 2),
        "note": hit.why_no_estimate or None,
        **_sizes("reference", hit.reference),
    }


def _sizes(whose: str, member: Member) -> Row:
    sketch = member.sketch
    return {
        f"{whose}_genes": sketch.genes,
        f"{whose}_residues": sketch.residues,
        f"{whose}_kmers": len(sketch.hashes),
    }


def _name(member: Member) -> str | None:
    deepest = member.taxon.lineage.deepest
    return deepest[1] if deepest else None
