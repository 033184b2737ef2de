"""Pages /species and /genomes: lists and records of the index."""

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
from genome_index.service.site.map_marks import genome_marks, has_map
from genome_index.service.site.paging import Paging
from genome_index.service.site.rendering import page
from genome_index.service.views.genomes import GenomeRecord
from genome_index.service.views.species import Diversity, SpeciesRecord
from genome_index.service.views.species_threshold import SpeciesThreshold

PAGE_SIZE = 50
MOST_MEMBERS = 50  # genomes of a species on its page, which links to all of them

PageNumber = Annotated[int, Query(alias="page", ge=1, le=1_000_000)]
Search = Annotated[str, Query(max_length=200)]


def collection(service: Service) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/species")
    async def species_list(request: Request, search: Search = "", number: PageNumber = 1) -> HTMLResponse:
        species = service.index_view.species_list(search, (number - 1) * PAGE_SIZE, PAGE_SIZE)
        paging = Paging.of_rows(number, PAGE_SIZE, species.total, _path("/species", {"search": search}))
        values = {"species": species, "search": search, "paging": paging}
        return page(service, request, "species_list.html", values)

    @router.get("/species/{name:path}")
    async def species(request: Request, name: str) -> HTMLResponse:
        species = service.index_view.species(name)
        values = {**_species_values(species), "has_map": await has_map(service)}
        return page(service, request, "species.html", values)

    @router.get("/genomes")
    async def genomes(
        request: Request, search: Search = "", rank: Search = "", name: Search = "", number: PageNumber = 1
    ) -> HTMLResponse:
        first = (number - 1) * PAGE_SIZE
        genomes = service.index_view.genomes(search, rank or None, name or None, first, PAGE_SIZE)
        path = _path("/genomes", {"search": search, "rank": rank, "name": name})
        paging = Paging.of_rows(number, PAGE_SIZE, genomes.total, path)
        values = {"genomes": genomes, "search": search, "rank": rank, "name": name, "paging": paging}
        return page(service, request, "genomes.html", values)

    @router.get("/genomes/{genome_id:path}")
    async def genome(request: Request, genome_id: str) -> HTMLResponse:
        genome = service.index_view.genome(genome_id)
        values = {
            "genome": genome,
            "has_map": await has_map(service),
            "lineage": lineage_links(genome.lineage),
            "facts": _facts(genome),
            "marks": genome_marks([genome.id], genome.species),
        }
        return page(service, request, "genome.html", values)

    return router


def _path(path: str, search: Mapping[str, str]) -> str:
    """The address of a page of a list, with {} for the number of the page."""
    query = urlencode({name: value for name, value in search.items() if value}).replace("{}", "%7B%7D")
    return f"{path}?{query}&page={{}}" if query else f"{path}?page={{}}"


def _species_values(species: SpeciesRecord) -> Mapping[str, object]:
    address = f"/v1/species/{quoted(species.name)}/composition.png?theme="
    above = {rank: name for rank, name in species.lineage.items() if rank != "species"}
    return {
        "species": species,
        "lineage": lineage_links(above),
        "threshold": _threshold(species.threshold) if species.threshold else [],
        "diversity": _diversity(species.diversity),
        "most_members": MOST_MEMBERS,
        "composition": (f"{address}light", f"{address}dark"),
        "marks": genome_marks((member.id for member in species.members[:MOST_MEMBERS]), species.name),
    }


def _threshold(threshold: SpeciesThreshold) -> list[tuple[str, str]]:
    return [
        ("identity (ANI)", f"{fixed(threshold.ani, 1)} %"),
        ("aligned fraction", f"{threshold.af:g} %"),
        ("lead over every other species", f"{threshold.margin:g} points of ANI"),
    ]


def _diversity(diversity: Diversity) -> str:
    """How far apart the genomes of a species are, in a sentence."""
    pairs = counted(diversity.pairs, "pair")
    if not diversity.pairs:
        return "No two genomes of the species were compared."
    without = diversity.pairs_without_ani
    below = f"; {without:,} of them are too far apart for an ANI" if without else ""
    if diversity.lowest_ani is None:
        return f"The genomes of the species were compared in {pairs}{below}."
    ani = fixed(diversity.lowest_ani, 2)
    return f"The lowest ANI of {pairs} compared is {ani} %, of {' and '.join(diversity.genomes)}{below}."


def _facts(genome: GenomeRecord) -> list[tuple[str, str]]:
    gc = [("GC", f"{genome.gc:.1%}")] if genome.gc is not None else []
    return [*gc, ("source", genome.source), *genome.labels.items(), ("SHA-256", genome.sha256)]
