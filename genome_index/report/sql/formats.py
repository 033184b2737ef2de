"""Formats of answers: TSV, JSON and JSON lines."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from genome_index.io import tsv


@dataclass(frozen=True)
class Answer:
    """The answer to a query; its rows are fetched on demand, once."""

    columns: tuple[str, ...]  # each name once
    rows: Iterator[tuple[Any, ...]]


def distinct_names(names: Sequence[str]) -> tuple[str, ...]:
    """Unique names, made as DuckDB does in files.

    >>> distinct_names(["id", "n", "id", "id"])
    ('id', 'n', 'id_1', 'id_2')
    """
    taken: dict[str, None] = {}
    for name in names:
        number = 0
        while (unique := f"{name}_{number}" if number else name) in taken:
            number += 1
        taken[unique] = None
    return tuple(taken)


def as_tsv(answer: Answer) -> Iterator[str]:
    yield tsv.row(answer.columns)
    yield from tsv.rows(map(_plain, row) for row in answer.rows)


def as_jsonl(answer: Answer) -> Iterator[str]:
    for row in answer.rows:
        yield json.dumps(dict(zip(answer.columns, map(_plain, row), strict=True)), ensure_ascii=False) + "\n"


def as_json(answer: Answer) -> Iterator[str]:
    before = "[\n"
    for line in as_jsonl(answer):
        yield before + line.rstrip("\n")
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


FORMATS = {"tsv": as_tsv, "json": as_json, "jsonl": as_jsonl}


def cell_of(value: Any) -> str:  # noqa: ANN401  # whatever DuckDB has a type for
    """A value of DuckDB as a cell of TSV."""
    return tsv.cell(_plain(value))


def _plain(value: Any) -> Any:  # noqa: ANN401
    """A value that JSON can hold: no NaN, dates or bytes."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value.hex() if isinstance(value, bytes) else str(value)
