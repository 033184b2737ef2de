"""Routes of queries: submit a sequence, read the state of a query, delete it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Request, Response

from genome_index.io.reader import GenomePer
from genome_index.service.auth import Caller, Served
from genome_index.service.jobs.queue import Job, JobSettings
from genome_index.service.jobs.uploads import path_of
from genome_index.service.problems import Problem
from genome_index.service.routes.bodies import BODY
from genome_index.service.routes.streaming import pieces, streamed
from genome_index.service.routes.submit import accept
from genome_index.service.schemas import QueryDocument, problems, query_document
from genome_index.service.state import Service

router = APIRouter(prefix="/v1/queries", tags=["queries"])

FOLLOWING = ("state", "delete", "calls", "report", "pictures")  # operations on an accepted query
LINKS = {
    name: {"operationId": f"queries_{name}", "parameters": {"job_id": "$response.body#/id"}}
    for name in FOLLOWING
}
JobId = Annotated[str, Path(description="The id in the answer to the submission.", max_length=64)]


@router.post(
    "", status_code=202, response_model=QueryDocument, openapi_extra=BODY, summary="Submit genomes",
    responses={202: {"links": LINKS},
               200: {"model": QueryDocument, "description": "Answered within the timeout.", "links": LINKS},
               **problems(400, 401, 403, 408, 413, 422, 429, 503, 507)},
)  # fmt: skip
async def submit(
    request: Request, service: Served, caller: Caller,
    wait: Annotated[bool, Query(description="Respond when the query is finished.")] = False,
    timeout: Annotated[float, Query(ge=0, le=60, description="Longest wait in seconds.")] = 60,
    k: Annotated[int, Query(ge=1, le=50, description="Hits to report for each genome.")] = 5,
    genome_per: Annotated[GenomePer, Query(description="Whether a file or a record is a genome.")] = "file",
    exclude_identical: Annotated[
        bool, Query(description="Leave out references with the same sequence as the query.")
    ] = False,
    pictures: Annotated[bool, Query(description="Draw the figures of each genome.")] = False,
    keep: Annotated[bool, Query(description="Keep the sequence as long as the answers.")] = False,
    name: Annotated[str | None, Query(max_length=200, description="File name.")] = None,
    idempotency_key: Annotated[
        str | None,
        Header(max_length=200, description="A query sent again is not repeated; another one is refused."),
    ] = None,
) -> Response:  # fmt: skip
    """Send FASTA or GenBank, plain or compressed, as the field `file` of a form or as the body.

    The query is on the disk when the service responds, and survives a restart. With `wait=true` the response
    comes when the query is finished, or with its current state after `timeout` seconds.
    """
    settings = JobSettings(k, genome_per, exclude_identical, pictures, keep)
    job = await accept(
        service, request, caller, lambda fields: _without_fields(fields, settings), name, idempotency_key
    )
    if wait:
        job = await service.until_finished(job.id, min(timeout, service.limits.wait_s))
    return await _document(service, job, 200 if job.finished else 202)


def _without_fields(fields: Mapping[str, str], settings: JobSettings) -> JobSettings:
    """The settings in the address; settings in a form are refused, because they would be ignored."""
    if fields:
        raise Problem(
            422, "fields", "The form has fields that are not read",
            f"{', '.join(sorted(fields))}: put settings into the address, /v1/queries?k=5&genome_per=record",
        )  # fmt: skip
    return settings


@router.get(
    "/{job_id}", response_model=QueryDocument, summary="State and answers of a query",
    responses=problems(401, 404, 422, 429),
)  # fmt: skip
async def state(
    job_id: JobId, service: Served, caller: Caller,
    wait: Annotated[bool, Query(description="Respond when the query is finished.")] = False,
    timeout: Annotated[float, Query(ge=0, le=60)] = 60,
) -> Response:  # fmt: skip
    job = await service.on_disk(service.jobs.get, job_id)
    if wait and not job.finished:
        job = await service.until_finished(job_id, min(timeout, service.limits.wait_s))
    return await _document(service, job, 200)


@router.delete(
    "/{job_id}",
    status_code=204,
    summary="Cancel and delete a query",
    responses=problems(401, 403, 404, 422, 429),
)
async def delete(job_id: JobId, service: Served, caller: Caller) -> Response:
    """Stop a query that is not finished, and delete its sequence, answers and figures."""
    await delete_query(service, job_id, caller)
    return Response(status_code=204)


async def delete_query(service: Service, job_id: str, caller: str) -> None:
    """Delete a query, if the caller may.

    Raises
    ------
    Problem
    """
    job = await service.on_disk(service.jobs.get, job_id)
    if service.settings.requires_keys and job.caller != caller:
        raise Problem(
            403, "not-yours", "This query belongs to another caller",
            "only the caller who sent a query may delete it; it expires by itself",
        )  # fmt: skip
    await service.on_disk(service.jobs.delete, job_id)
    path_of(service.settings.data, job_id).unlink(missing_ok=True)


async def _document(service: Service, job: Job, status: int) -> Response:
    text = json.dumps(query_document(job))
    headers = {"Location": f"/v1/queries/{job.id}"}
    if job.state != "done":
        return Response(text, status, headers, media_type="application/json")
    head = text.removesuffix("null}") + "["
    parts = pieces(service, job, ("", ",", "]}"), ",".join)
    return await streamed(job, head, parts, status, headers, "application/json")
