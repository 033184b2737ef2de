"""Texts about a sequence: one by a template, which says each field, and one as the record has it.

The template's text is what a user of an index would search; the raw text is how people write about genomes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from genome_index.lab.describe.abstracts import Abstract
from genome_index.lab.describe.records import RecordDescription

MOST_NAMED = 40  # genes or products in a text


def template_text(record: RecordDescription) -> str:
    """What a record says, in sentences of one form; a field without a value has none."""
    return " ".join(f"{sentence}." for sentence in _sentences(record))


def _sentences(record: RecordDescription) -> Iterator[str]:
    name = f"{record.organism} ({record.common_name})" if record.common_name else record.organism
    shape = "circular" if record.is_circular else "linear"
    molecule = " ".join(filter(None, (shape, record.organelle, record.molecule)))
    yield ", ".join(filter(None, (name, molecule, f"{record.length_bp:,} bp")))
    for words, value in (
        ("Record", record.definition),
        ("Lineage", "; ".join(record.lineage)),
        ("Strain", record.strain),
        ("Host", record.host),
        ("Place", record.country),
        ("Isolated from", record.isolation_source),
        ("Collected", record.collection_date),
        ("Features", ", ".join(feature_counts(record.features))),
        ("Genes", _named(record.genes)),
        ("Products", _named(record.products)),
    ):
        if value:
            yield f"{words}: {value}"
    for reference in record.references:
        yield f"Paper: {reference.title}"


def feature_counts(features: Mapping[str, int]) -> list[str]:
    """The number of features of each kind, the most frequent first.

    >>> feature_counts({"rRNA": 2, "CDS": 13})
    ['13 CDS', '2 rRNA']
    """
    ordered = sorted(features.items(), key=lambda pair: (-pair[1], pair[0]))
    return [f"{count} {key}" for key, count in ordered]


def _named(values: Sequence[str]) -> str:
    more = [f"and {len(values) - MOST_NAMED} more"] if len(values) > MOST_NAMED else []
    return ", ".join([*values[:MOST_NAMED], *more])


def raw_text(record: RecordDescription, abstracts: Sequence[Abstract]) -> str:
    """The record's own words: definition, comment, titles of papers and abstracts, a paragraph each."""
    titles = (reference.title for reference in record.references)
    paragraphs = (
        record.definition,
        record.keywords,
        *titles,
        *(one.text for one in abstracts),
        record.comment,
    )
    return "\n".join(filter(None, paragraphs))
