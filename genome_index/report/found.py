"""Genomes that a text found, as TSV, JSON or JSON lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from genome_index.collection.text_search import TextHit
from genome_index.records import RANKS
from genome_index.report.sql.formats import Answer, as_json, as_jsonl, as_tsv
from genome_index.taxonomy.tables import DESCRIPTION

COLUMNS = ("genome_id", "score", *RANKS, "passage", DESCRIPTION)


def _answer(hits: Sequence[TextHit]) -> Answer:
    return Answer(COLUMNS, (_row(hit) for hit in hits))


def _row(hit: TextHit) -> tuple[object, ...]:
    names = (hit.entry.lineage.name(rank) for rank in RANKS)
    description = hit.entry.taxon.labels.get(DESCRIPTION)
    return (hit.entry.id, round(hit.score, 4), *names, hit.passage, description)


FORMATS: Mapping[str, Callable[[Sequence[TextHit]], Iterator[str]]] = {
    "tsv": lambda hits: as_tsv(_answer(hits)),
    "json": lambda hits: as_json(_answer(hits)),
    "jsonl": lambda hits: as_jsonl(_answer(hits)),
}
