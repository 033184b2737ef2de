"""The map's data for the page: places, names by rank and label as numbers, and what is marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from genome_index.collection.map import Map
from genome_index.index.index import Index
from genome_index.report.figures.map import telling_rank
from genome_index.report.figures.style import PALETTE
from genome_index.report.html import document
from genome_index.taxonomy.levels import labels_of, name_of, ranks_of


@dataclass(frozen=True)
class Mark:
    """A query on the map."""

    x: float
    y: float
    label: str
    says: str


def map_block(
    index: Index, found: Map, marks: Sequence[Mark] = (), groups: Sequence[str | None] = ()
) -> document.Map:
    """What page.js draws; names of `groups` are in the order of the map's rows."""
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
        "x": [round(float(x), 3) for x in found.xy[:, 0]],
        "y": [round(float(y), 3) for y in found.xy[:, 1]],
        "levels": {level: _coded(known) for level, known in names.items()},
        "level": telling_rank(index),
        "palette": PALETTE,
        "marked": [asdict(mark) for mark in marks],
        "axes": axis_titles(found),
        "ticks": found.explained is not None,
    }
    return document.Map(data, f"A map of {len(entries):,} genomes; near ones have like vectors.")


def axis_titles(found: Map) -> tuple[str, str]:
    if found.explained is None:
        return ("", "")  # axes of UMAP mean nothing
    return (f"PC 1 ({found.explained[0]:.0%} of the variance)", f"PC 2 ({found.explained[1]:.0%})")


def _coded(names: Sequence[str | None]) -> dict[str, Any]:
    """Names once, and a number for each genome; -1 is no name."""
    known = {name: code for code, name in enumerate(sorted({name for name in names if name}))}
    return {"names": list(known), "codes": [known[name] if name else -1 for name in names]}
