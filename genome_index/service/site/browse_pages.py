"""/species and /genomes: what there is to be found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse

from genome_index.records import counted
from genome_index.service.site.call_text import lineage_links
from genome_index.service.site.formats import fixed, quoted
from genome_index.service.site.interface import Service
from genome_index.service.site.map_marks import has_map, stars_of_genomes
from genome_index.service.site.paging import Paging
from genome_index.service.site.rendering import page
from genome_index.service.views.genomes import GenomeRecord
from genome_index.service.views.species import SpeciesRecord, Width
from genome_index.service.views.species_threshold import Asked

EACH_PAGE = 50
MOST_MEMBERS = 50  # genomes of a species on its page; a link leads to all of them

At = Annotated[int, Query(ge=1, le=1_000_000)]
Search = Annotated[str, Query(max_length=200)]


def collection(service: Service) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/species")
    async def species_list(request: Request, search: Search = "", at: At = 1) -> HTMLResponse:
        found = service.library.species_list(search, (at - 1) * EACH_PAGE, EACH_PAGE)
        paging = Paging.of_rows(at, EACH_PAGE, found.total, _path("/species", {"search": search}))
        values = {"found": found, "search": search, "paging": paging}
        return page(service, request, "species_list.html", values)

    @router.get("/species/{name:path}")
    async def species(request: Request, name: str) -> HTMLResponse:
        one = service.library.species(name)
        return page(service, request, "species.html", {**_of_species(one), "has_map": await has_map(service)})

    @router.get("/genomes")
    async def genomes(
        request: Request, search: Search = "", rank: Search = "", name: Search = "", at: At = 1
    ) -> HTMLResponse:
        first = (at - 1) * EACH_PAGE
        found = service.library.genomes(search, rank or None, name or None, first, EACH_PAGE)
        path = _path("/genomes", {"search": search, "rank": rank, "name": name})
        paging = Paging.of_rows(at, EACH_PAGE, found.total, path)
        values = {"found": found, "search": search, "rank": rank, "name": name, "paging": paging}
        return page(service, request, "genomes.html", values)

    @router.get("/genomes/{genome_id:path}")
    async def genome(request: Request, genome_id: str) -> HTMLResponse:
        one = service.library.genome(genome_id)
        values = {
            "one": one,
            "has_map": await has_map(service),
            "lineage": lineage_links(one.lineage),
            "facts": _facts(one),
            "stars": stars_of_genomes([one.id], one.species),
        }
        return page(service, request, "genome.html", values)

    return router


def _path(path: str, asked: Mapping[str, str]) -> str:
    """The address of a page of a list, but for the page's number."""
    given = urlencode({name: value for name, value in asked.items() if value}).replace("{}", "%7B%7D")
    return f"{path}?{given}&at={{}}" if given else f"{path}?at={{}}"


def _of_species(one: SpeciesRecord) -> Mapping[str, object]:
    address = f"/v1/species/{quoted(one.name)}/portrait.png?theme="
    return {
        "one": one,
        "lineage": lineage_links({rank: name for rank, name in one.lineage.items() if rank != "species"}),
        "asks": _asks(one.asked) if one.asked else [],
        "width": _width(one.width),
        "most": MOST_MEMBERS,
        "portrait": (f"{address}light", f"{address}dark"),
        "stars": stars_of_genomes((member.id for member in one.members[:MOST_MEMBERS]), one.name),
    }


def _asks(asked: Asked) -> list[tuple[str, str]]:
    return [
        ("identity (ANI)", f"{fixed(asked.ani, 1)} %"),
        ("aligned fraction", f"{asked.af:g} %"),
        ("lead over every other species", f"{asked.lead:g} points of ANI"),
    ]


def _width(width: Width) -> str:
    """How far apart members are, in a sentence."""
    if not width.pairs:
        return "No two of its genomes were compared."
    below = f"; {width.below_range:,} of them are too far apart for an ANI" if width.below_range else ""
    if width.ani is None:
        return f"Its genomes were compared in {counted(width.pairs, 'pair')}{below}."
    between = " and ".join(width.between)
    return (
        f"Its farthest genomes, of {counted(width.pairs, 'pair')} compared, are {between}, with "
        f"{fixed(width.ani, 2)} % ANI{below}."
    )


def _facts(one: GenomeRecord) -> list[tuple[str, str]]:
    gc = [("GC", f"{one.gc:.1%}")] if one.gc is not None else []
    return [*gc, ("read from", one.source), *one.labels.items(), ("SHA-256", one.sha256)]
