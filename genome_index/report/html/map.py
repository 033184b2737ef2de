"""Map for the page: places of the genomes, their names at each rank and label, and marks of the queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from genome_index.collection.map import Map
from genome_index.index.index import Index
from genome_index.report.figures.map import default_rank
from genome_index.report.figures.style import PALETTE
from genome_index.report.html import document
from genome_index.taxonomy.levels import labels_of, name_of, ranks_of


@dataclass(frozen=True)
class Mark:
    """A query on the map."""

    x: float
    y: float
    label: str
    text: str  # of its tooltip
    hits: tuple[str, ...]  # ids, nearest first


def map_block(
    index: Index, mapped: Map, marks: Sequence[Mark] = (), groups: Sequence[str | None] = ()
) -> document.Map:
    """The data of map.js; `groups` are names in the order of the rows of the map."""
    entries = index.catalog.entries()
    names = {
        level: [name_of(entry, level) for entry in entries]
        for level in [*ranks_of(entries), *labels_of(entries)]
    }
    names |= {"group": list(groups)} if any(groups) else {}
    names = names or {"species": [None] * len(entries)}
    data: dict[str, Any] = {
        "ids": [entry.id for entry in entries],
        "species": [name_of(entry, "species") for entry in entries],
        "x": [round(float(x), 3) for x in mapped.xy[:, 0]],
        "y": [round(float(y), 3) for y in mapped.xy[:, 1]],
        "levels": {level: _coded(known) for level, known in names.items()},
        "level": default_rank(index),
        "palette": PALETTE,
        "marked": [asdict(mark) for mark in marks],
        "axes": axis_titles(mapped),
    }
    what = "query" if len(marks) == 1 else "queries"
    return document.Map(data, f"A map of {len(entries):,} genomes.", what)


def axis_titles(mapped: Map) -> tuple[str, str]:
    if mapped.explained is None:
        return ("", "")  # the axes of UMAP have no meaning
    return (f"PC 1 ({mapped.explained[0]:.0%} of the variance)", f"PC 2 ({mapped.explained[1]:.0%})")


def _coded(names: Sequence[str | None]) -> dict[str, Any]:
    """Names once, and the code of each genome; -1 without a name."""
    known = {name: code for code, name in enumerate(sorted({name for name in names if name}))}
    return {"names": list(known), "codes": [known[name] if name else -1 for name in names]}
