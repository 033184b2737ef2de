"""What is marked on the map: queries amid their hits, genomes at their own place."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from genome_index.service.site.formats import quoted
from genome_index.service.site.interface import Service
from genome_index.service.views.index_view import Library


@dataclass(frozen=True)
class Star:
    """One mark; the script draws it, and tells it to whoever asks."""

    label: str
    says: str
    href: str  # where it leads; nothing if it is shown there
    at: tuple[float, float] | None = None  # x, y on the map
    id: str | None = None  # of a genome of the index, whose place the script knows
    near: tuple[str, ...] = ()  # ids of its hits


async def has_map(service: Service) -> bool:
    """Whether the map is made; from then on the library knows the places of queries, too."""
    return await service.map_text() is not None


def star_of_query(library: Library, call: Mapping[str, Any], says: str, href: str = "") -> list[Star]:
    """None while the map is being made, or where nothing is comparable."""
    at = library.place(call)
    near = tuple(hit["id"] for hit in call["hits"])
    return [Star(call["query"], says, href, at, near=near)] if at else []


def stars_of_genomes(ids: Iterable[str], species: str | None) -> Sequence[Star]:
    return [Star(one, species or "no species", f"/genomes/{quoted(one)}", id=one) for one in ids]


def as_json(stars: Iterable[Star]) -> str:
    """What the script reads."""
    return json.dumps([asdict(star) for star in stars])
