"""The write endpoints, with --admin and an admin key: add, remove, relabel, undo, refit, how far each is."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Body, Path, Query, Request

from genome_index.io.atomic import disk_errors
from genome_index.io.reader import GenomePer
from genome_index.service.auth import Admin, Served
from genome_index.service.jobs.index_changes import Action, Change, ChangeRequest, taxonomy_path
from genome_index.service.jobs.queue import Asked, new_id
from genome_index.service.jobs.uploads import receiving
from genome_index.service.routes.queries import BODY_OF_GENOMES
from genome_index.service.routes.submit import check, read
from genome_index.service.schemas import ChangeDocument, change_document, problems
from genome_index.service.state import Service

router = APIRouter(prefix="/v1", tags=["admin"])

LOOK_EVERY_S = 0.1
WRONG = problems(400, 401, 403, 404, 422, 429)
NAME = Path(max_length=500)
Wait = Annotated[float, Query(ge=0, le=60, description="Seconds to wait for it to be done.")]


@router.post(
    "/genomes", status_code=202, summary="Add genomes", openapi_extra=BODY_OF_GENOMES,
    responses=problems(400, 401, 403, 408, 413, 422, 429, 507),
)  # fmt: skip
async def add(
    request: Request, service: Served, who: Admin, genome_per: Annotated[GenomePer, Query()] = "file",
    name: Annotated[str | None, Query(max_length=200)] = None, wait: Wait = 0,
) -> ChangeDocument:  # fmt: skip
    """Send FASTA or GenBank as a form's `file`, and as `taxonomy` the table that names it."""
    data, change_id = service.settings.data, new_id()
    with receiving(data, change_id) as raw:
        sent = await read(service, request, raw, name)
        upload = await check(service, raw, change_id, sent, Asked(genome_per=genome_per))
    if sent.taxonomy is not None:
        with disk_errors(data):
            taxonomy_path(data, change_id).write_bytes(sent.taxonomy)
    change = ChangeRequest(name=upload.name, genome_per=genome_per, has_taxonomy=sent.taxonomy is not None)
    return await _asked(service, who, "add", change, wait, change_id)


@router.delete("/genomes/{genome_id:path}", status_code=202, summary="Remove a genome", responses=WRONG)
async def remove(
    genome_id: Annotated[str, NAME], service: Served, who: Admin, wait: Wait = 0
) -> ChangeDocument:
    service.library.genome(genome_id)  # or 404
    return await _asked(service, who, "remove", ChangeRequest(genomes=(genome_id,)), wait)


@router.patch(
    "/genomes/{genome_id:path}", status_code=202, summary="Give a genome new names", responses=WRONG
)
async def relabel(
    genome_id: Annotated[str, NAME], service: Served, who: Admin,
    names: Annotated[
        dict[str, str], Body(description="Rank or label -> name; an empty one takes it away.", min_length=1)
    ],
    wait: Wait = 0,
) -> ChangeDocument:  # fmt: skip
    service.library.genome(genome_id)  # or 404
    return await _asked(service, who, "relabel", ChangeRequest((genome_id,), tuple(names.items())), wait)


@router.post("/index/undo", status_code=202, summary="Go back to the snapshot before", responses=WRONG)
async def undo(service: Served, who: Admin, wait: Wait = 0) -> ChangeDocument:
    return await _asked(service, who, "undo", ChangeRequest(), wait)


@router.post("/index/refit", status_code=202, summary="Fit projection and calibration again", responses=WRONG)
async def refit(service: Served, who: Admin, wait: Wait = 0) -> ChangeDocument:
    return await _asked(service, who, "refit", ChangeRequest(), wait)


@router.get("/changes/{change_id}", summary="How far a change is", responses=WRONG)
async def state(
    change_id: Annotated[str, Path(max_length=64)], service: Served, who: Admin, wait: Wait = 0
) -> ChangeDocument:
    return change_document(await _until_over(service, change_id, wait))


async def _asked(
    service: Service, who: str, action: Action, request: ChangeRequest, wait_s: float, change_id: str = ""
) -> ChangeDocument:
    change = await service.on_disk(service.changes.add, who, action, request, change_id)
    return change_document(await _until_over(service, change.id, wait_s))


async def _until_over(service: Service, change_id: str, wait_s: float) -> Change:
    """The change when it is over and the index that is served has it; or as it is when the time is."""
    end = asyncio.get_running_loop().time() + wait_s
    while True:
        change: Change = await service.on_disk(service.changes.get, change_id)
        over = change.finished is not None and (change.state == "failed" or service.library.is_current())
        if over or asyncio.get_running_loop().time() >= end:
            return change
        await asyncio.sleep(LOOK_EVERY_S)
