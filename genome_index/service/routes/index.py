"""/v1/index, genomes, species, map: what there is to be found."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response

from genome_index.service.auth import Caller, Served
from genome_index.service.problems import Problem
from genome_index.service.schemas import problems
from genome_index.service.views.genomes import GenomePage, GenomeRecord
from genome_index.service.views.provenance import Provenance
from genome_index.service.views.species import SpeciesPage, SpeciesRecord

router = APIRouter(prefix="/v1", tags=["index"])

Search = Annotated[str, Query(max_length=200, description="A part of an id or a name, in any case.")]
Offset = Annotated[int, Query(ge=0, le=1_000_000_000)]
Limit = Annotated[int, Query(ge=1, le=1_000)]
NAME = Path(max_length=500)


@router.get(
    "/index", summary="What is served, when it was built and from what", responses=problems(401, 422, 429)
)
async def index(service: Served, who: Caller) -> Provenance:
    return service.library.provenance()


@router.get("/genomes", summary="The genomes of the index", responses=problems(401, 422, 429))
async def genomes(
    service: Served, who: Caller, search: Search = "",
    rank: Annotated[str | None, Query(max_length=100, description="With `name`: a rank or a label.")] = None,
    name: Annotated[str | None, Query(max_length=500, description="With `rank`: its name.")] = None,
    offset: Offset = 0, limit: Limit = 50,
) -> GenomePage:  # fmt: skip
    return service.library.genomes(search, rank, name, offset, limit)


@router.get("/genomes/{genome_id:path}", summary="One genome", responses=problems(401, 404, 422, 429))
async def genome(genome_id: Annotated[str, NAME], service: Served, who: Caller) -> GenomeRecord:
    return service.library.genome(genome_id)


@router.get("/species", summary="The species of the index", responses=problems(401, 422, 429))
async def species_list(
    service: Served, who: Caller, search: Search = "", offset: Offset = 0, limit: Limit = 50
) -> SpeciesPage:
    return service.library.species_list(search, offset, limit)


@router.get(
    "/species/{name:path}/portrait.{kind}", summary="A species as a picture: all its members over each other",
    responses={200: {"content": {"image/svg+xml": {}, "image/png": {}}}, **problems(401, 404, 422, 429, 503)},
    response_class=Response,
)  # fmt: skip
async def portrait(
    name: Annotated[str, NAME], kind: Literal["svg", "png"], service: Served, who: Caller,
    theme: Annotated[Literal["light", "dark"], Query()] = "light",
) -> Response:  # fmt: skip
    service.library.species(name)  # or 404
    picture = await service.studio.species_portrait(
        service.settings.index, service.settings.model, name, theme, kind
    )
    return Response(picture, media_type="image/svg+xml" if kind == "svg" else "image/png")


@router.get("/species/{name:path}", summary="One species", responses=problems(401, 404, 422, 429))
async def species(name: Annotated[str, NAME], service: Served, who: Caller) -> SpeciesRecord:
    """Its members, the identity it asks for, its nearest neighbours, and where its portrait is."""
    return service.library.species(name)


@router.get("/map", summary="Every genome as a place in the plane", responses=problems(401, 429, 503))
async def collection_map(service: Served, who: Caller) -> dict[str, Any]:
    text = await service.map_text()
    if text is None:
        raise Problem(
            503, "map", "The map is being made",
            "it takes a while after a start or a change; ask again in 10 s", {"Retry-After": "10"},
        )  # fmt: skip
    return Response(text, media_type="application/json")  # type: ignore[return-value]  # the same, as text
