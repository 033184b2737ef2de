"""Routes of the contents of the index: /v1/index, /v1/genomes, /v1/species, /v1/map."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response

from genome_index.service.auth import Caller, Served
from genome_index.service.figures.pool import ImageFormat
from genome_index.service.problems import Problem
from genome_index.service.schemas import problems
from genome_index.service.views.genomes import GenomePage, GenomeRecord
from genome_index.service.views.provenance import Provenance
from genome_index.service.views.species import SpeciesPage, SpeciesRecord

router = APIRouter(prefix="/v1", tags=["index"])

Search = Annotated[str, Query(max_length=200, description="Part of an id or a name, in any case.")]
Offset = Annotated[int, Query(ge=0, le=1_000_000_000)]
Limit = Annotated[int, Query(ge=1, le=1_000)]
NAME = Path(max_length=500)


@router.get(
    "/index", summary="The index: contents, settings, origin and history", responses=problems(401, 422, 429)
)
async def index(service: Served, caller: Caller) -> Provenance:
    return service.index_view.provenance()


@router.get("/genomes", summary="The genomes of the index", responses=problems(401, 422, 429))
async def genomes(
    service: Served, caller: Caller, search: Search = "",
    rank: Annotated[str | None, Query(max_length=100, description="Rank or label; requires `name`.")] = None,
    name: Annotated[str | None, Query(max_length=500, description="Name at `rank`; requires it.")] = None,
    offset: Offset = 0, limit: Limit = 50,
) -> GenomePage:  # fmt: skip
    return service.index_view.genomes(search, rank, name, offset, limit)


@router.get("/genomes/{genome_id:path}", summary="One genome", responses=problems(401, 404, 422, 429))
async def genome(genome_id: Annotated[str, NAME], service: Served, caller: Caller) -> GenomeRecord:
    return service.index_view.genome(genome_id)


@router.get("/species", summary="The species of the index", responses=problems(401, 422, 429))
async def species_list(
    service: Served, caller: Caller, search: Search = "", offset: Offset = 0, limit: Limit = 50
) -> SpeciesPage:
    return service.index_view.species_list(search, offset, limit)


@router.get(
    "/species/{name:path}/composition.{image_format}",
    summary="Composition figure of all genomes of a species",
    responses={200: {"content": {"image/svg+xml": {}, "image/png": {}}}, **problems(401, 404, 422, 429, 503)},
    response_class=Response,
)  # fmt: skip
async def composition(
    name: Annotated[str, NAME], image_format: ImageFormat, service: Served, caller: Caller,
    theme: Annotated[Literal["light", "dark"], Query()] = "light",
) -> Response:  # fmt: skip
    service.index_view.species(name)  # 404 if it is unknown
    settings = service.settings
    image = await service.render_pool.species_composition(
        settings.index, settings.model, name, theme, image_format
    )
    return Response(image, media_type="image/svg+xml" if image_format == "svg" else "image/png")


@router.get("/species/{name:path}", summary="One species", responses=problems(401, 404, 422, 429))
async def species(name: Annotated[str, NAME], service: Served, caller: Caller) -> SpeciesRecord:
    """Its genomes, its threshold, its nearest species, and the address of its composition figure."""
    return service.index_view.species(name)


@router.get("/map", summary="Map of all genomes in the plane", responses=problems(401, 429, 503))
async def collection_map(service: Served, caller: Caller) -> dict[str, Any]:
    text = await service.map_text()
    if text is None:
        raise Problem(
            503, "map", "The map is not ready",
            "it is made after a start or a change of the index; retry in 10 s", {"Retry-After": "10"},
        )  # fmt: skip
    return Response(text, media_type="application/json")  # type: ignore[return-value]  # the same as text
