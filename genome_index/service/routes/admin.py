"""Routes that change the index, with --admin and an admin key: add, remove, relabel, undo, refit."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import Field, TypeAdapter, ValidationError

from genome_index.io.atomic import disk_errors
from genome_index.io.reader import GenomePer
from genome_index.service.auth import Admin, Served
from genome_index.service.jobs.index_changes import Action, Change, ChangeRequest, taxonomy_path
from genome_index.service.jobs.private_files import private_file
from genome_index.service.jobs.queue import JobSettings, new_id
from genome_index.service.jobs.uploads import receiving
from genome_index.service.routes.bodies import BODY_OF_GENOMES, BODY_OF_NAMES
from genome_index.service.routes.small_bodies import small_body
from genome_index.service.routes.submit import check, read
from genome_index.service.schemas import ChangeDocument, change_document, problems
from genome_index.service.state import Service

router = APIRouter(prefix="/v1", tags=["admin"])

CHECK_EVERY_S = 0.1
ERRORS = problems(400, 401, 403, 404, 422, 429)
NAME = Path(max_length=500)
NAMES = TypeAdapter(Annotated[dict[str, str], Field(min_length=1)])
Wait = Annotated[float, Query(ge=0, le=60, description="Seconds to wait for the change.")]


@router.post(
    "/genomes", status_code=202, summary="Add genomes", openapi_extra=BODY_OF_GENOMES,
    responses=problems(400, 401, 403, 408, 413, 422, 429, 507),
)  # fmt: skip
async def add(
    request: Request, service: Served, caller: Admin, genome_per: Annotated[GenomePer, Query()] = "file",
    name: Annotated[str | None, Query(max_length=200)] = None, wait: Wait = 0,
) -> ChangeDocument:  # fmt: skip
    """Send FASTA or GenBank as the field `file` of a form, and optionally their taxonomy as `taxonomy`."""
    data, change_id = service.settings.data, new_id()
    with receiving(data, change_id) as raw:
        body = await read(service, request, raw, name)
        upload = await check(service, raw, change_id, body, JobSettings(genome_per=genome_per))
    if body.taxonomy is not None:
        with disk_errors(data), private_file(taxonomy_path(data, change_id)) as file:
            file.write(body.taxonomy)
    change = ChangeRequest(name=upload.name, genome_per=genome_per, has_taxonomy=body.taxonomy is not None)
    return await _add(service, caller, "add", change, wait, change_id)


@router.delete("/genomes/{genome_id:path}", status_code=202, summary="Remove a genome", responses=ERRORS)
async def remove(
    genome_id: Annotated[str, NAME], service: Served, caller: Admin, wait: Wait = 0
) -> ChangeDocument:
    service.index_view.genome(genome_id)  # 404 if it is unknown
    return await _add(service, caller, "remove", ChangeRequest(genomes=(genome_id,)), wait)


@router.patch(
    "/genomes/{genome_id:path}", status_code=202, summary="Change the names of a genome",
    openapi_extra=BODY_OF_NAMES,
    responses=problems(400, 401, 403, 404, 408, 413, 422, 429),
)  # fmt: skip
async def relabel(
    genome_id: Annotated[str, NAME], request: Request, service: Served, caller: Admin, wait: Wait = 0
) -> ChangeDocument:
    names = _names(await small_body(request))
    service.index_view.genome(genome_id)  # 404 if it is unknown
    return await _add(service, caller, "relabel", ChangeRequest((genome_id,), tuple(names.items())), wait)


@router.post("/index/undo", status_code=202, summary="Return to the previous snapshot", responses=ERRORS)
async def undo(service: Served, caller: Admin, wait: Wait = 0) -> ChangeDocument:
    return await _add(service, caller, "undo", ChangeRequest(), wait)


@router.post(
    "/index/refit", status_code=202, summary="Fit projection and calibration again", responses=ERRORS
)
async def refit(service: Served, caller: Admin, wait: Wait = 0) -> ChangeDocument:
    return await _add(service, caller, "refit", ChangeRequest(), wait)


@router.get("/changes/{change_id}", summary="State of a change", responses=ERRORS)
async def state(
    change_id: Annotated[str, Path(max_length=64)], service: Served, caller: Admin, wait: Wait = 0
) -> ChangeDocument:
    return change_document(await _until_finished(service, change_id, wait))


def _names(body: bytes) -> dict[str, str]:
    """The names in the body of a request."""
    try:
        return NAMES.validate_json(body)
    except ValidationError as error:
        raise RequestValidationError(
            [{**value, "loc": ("body", *value["loc"])} for value in error.errors()]
        ) from error


async def _add(
    service: Service, caller: str, action: Action, request: ChangeRequest, wait_s: float, change_id: str = ""
) -> ChangeDocument:
    change = await service.on_disk(service.changes.add, caller, action, request, change_id)
    return change_document(await _until_finished(service, change.id, wait_s))


async def _until_finished(service: Service, change_id: str, wait_s: float) -> Change:
    """The change when it is finished and served; its current state after the timeout, or at the stop."""
    end = asyncio.get_running_loop().time() + wait_s
    while True:
        change: Change = await service.on_disk(service.changes.get, change_id)
        served = change.state == "failed" or service.index_view.is_current()
        is_late = service.is_stopping or asyncio.get_running_loop().time() >= end
        if (change.finished is not None and served) or is_late:
            return change
        await asyncio.sleep(CHECK_EVERY_S)
