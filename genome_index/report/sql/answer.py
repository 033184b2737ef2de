"""What a query gave: columns and rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    """What a query gave: rows are computed as they are asked for, and can be walked through once."""

    columns: tuple[str, ...]  # each name once
    rows: Iterator[tuple[Any, ...]]


def distinct_names(names: Sequence[str]) -> tuple[str, ...]:
    """Each name once, as DuckDB does it in a file.

    >>> distinct_names(["id", "n", "id", "id"])
    ('id', 'n', 'id_1', 'id_2')
    """
    taken: dict[str, None] = {}
    for name in names:
        number = 0
        while (found := f"{name}_{number}" if number else name) in taken:
            number += 1
        taken[found] = None
    return tuple(taken)
