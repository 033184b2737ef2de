"""Marks on the map: queries among their hits, genomes at their own place."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from genome_index.service.site.formats import quoted
from genome_index.service.site.interface import Service
from genome_index.service.views.index_view import IndexView


@dataclass(frozen=True)
class MapMark:
    """One mark, drawn by the script as a star with a tooltip."""

    label: str
    text: str
    href: str  # address of its page; empty on that page
    at: tuple[float, float] | None = None  # x, y on the map
    id: str | None = None  # of a genome of the index; the script knows its place
    hits: tuple[str, ...] = ()  # ids


async def has_map(service: Service) -> bool:
    """Whether the map exists; from then on `index_view.place` knows the places of queries."""
    return await service.map_text() is not None


def query_marks(
    index_view: IndexView, call: Mapping[str, Any], text: str, href: str = ""
) -> list[MapMark]:  # fmt: skip
    """The mark of a query; none while the map is made, or if the query is comparable with nothing."""
    at = index_view.place(call)
    hits = tuple(hit["id"] for hit in call["hits"])
    return [MapMark(call["query"], text, href, at, hits=hits)] if at else []


def genome_marks(ids: Iterable[str], species: str | None) -> Sequence[MapMark]:
    """The marks of genomes of the index."""
    return [MapMark(id_, species or "no species", f"/genomes/{quoted(id_)}", id=id_) for id_ in ids]


def as_json(marks: Iterable[MapMark]) -> str:
    """The marks as the script reads them."""
    return json.dumps([asdict(mark) for mark in marks])
