"""Routes of queries, /v1/queries: submit a sequence, read its state, answers and figures, delete it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from copy import deepcopy
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from genome_index.io import tsv
from genome_index.io.reader import GenomePer
from genome_index.report.calls import COLUMNS, as_tsv, call_of
from genome_index.service.auth import Caller, Served
from genome_index.service.figures.query_figures import stored_figures, windows_json, windows_of
from genome_index.service.jobs.queue import Job, JobSettings
from genome_index.service.jobs.uploads import path_of
from genome_index.service.problems import Problem, not_found
from genome_index.service.routes.submit import accept
from genome_index.service.schemas import PicturesDocument, QueryDocument, problems, query_document
from genome_index.service.state import Service

PAGE_SIZE = 500  # answers in memory at once: 2 MB, or 20 MB with 50 hits each
router = APIRouter(prefix="/v1/queries", tags=["queries"])

SEQUENCE = {
    "type": "string",
    "format": "binary",
    "description": "FASTA or GenBank, plain or gz, bz2, xz, zst.",
}
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {"type": "object", "required": ["file"], "properties": {"file": SEQUENCE}},
                "encoding": {"file": {"contentType": "text/x-fasta"}},
            },
            "application/octet-stream": {"schema": SEQUENCE},
            "text/x-fasta": {"schema": SEQUENCE},
        },
    }
}
BODY_OF_GENOMES = deepcopy(BODY)
BODY_OF_GENOMES["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]["taxonomy"] = {
    "type": "string", "format": "binary", "description": "TSV or CSV with genome_id, ranks and labels.",
}  # fmt: skip
FOLLOWING = ("state", "delete", "calls", "report", "pictures")  # operations on an accepted query
LINKS = {
    name: {"operationId": f"queries_{name}", "parameters": {"job_id": "$response.body#/id"}}
    for name in FOLLOWING
}
JobId = Annotated[str, Path(description="The id in the answer to the submission.", max_length=64)]
Format = Literal["json", "jsonl", "tsv"]
MEDIA = {"json": "application/json", "jsonl": "application/jsonl", "tsv": "text/tab-separated-values"}
REPORT_POLICY = (  # the report has its own script, which runs in a separate origin without storage
    "sandbox allow-scripts allow-downloads allow-popups; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data: blob:; frame-ancestors 'none'"
)


@router.post(
    "", status_code=202, response_model=QueryDocument, openapi_extra=BODY, summary="Submit genomes",
    responses={202: {"links": LINKS},
               200: {"model": QueryDocument, "description": "Answered within the timeout.", "links": LINKS},
               **problems(400, 401, 403, 408, 413, 422, 429, 503, 507)},
)  # fmt: skip
async def submit(
    request: Request, service: Served, who: Caller,
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
        str | None, Header(max_length=200, description="A query sent again with its key is not repeated.")
    ] = None,
) -> Response:  # fmt: skip
    """Send FASTA or GenBank, plain or compressed, as the field `file` of a form or as the body.

    The query is on the disk when the service responds, and survives a restart. With `wait=true` the response
    comes when the query is finished, or with its current state after `timeout` seconds.
    """
    settings = JobSettings(k, genome_per, exclude_identical, pictures, keep)
    job = await accept(
        service, request, who, lambda fields: _without_fields(fields, settings), name, idempotency_key
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
    job_id: JobId, service: Served, who: Caller,
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
async def delete(job_id: JobId, service: Served, who: Caller) -> Response:
    """Stop a query that is not finished, and delete its sequence, answers and figures."""
    await delete_query(service, job_id, who)
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


@router.get(
    "/{job_id}/calls", summary="The answers in a format of `gindex query`",
    responses={200: {"content": {kind: {} for kind in MEDIA.values()}}, **problems(401, 404, 409, 422, 429)},
    response_class=Response,
)  # fmt: skip
async def calls(
    job_id: JobId, service: Served, who: Caller, format: Annotated[Format, Query()] = "json"
) -> Response:
    job = await _answered(service, job_id)
    pieces = _pieces(service, job, *WRITERS[format])
    return await _streamed(job, "", pieces, 200, attachment(job, format), MEDIA[format])


@router.get(
    "/{job_id}/report", summary="The answers as an HTML report",
    responses={200: {"content": {"text/html": {}}}, **problems(401, 404, 409, 422, 429, 503)},
    response_class=Response,
)  # fmt: skip
async def report(
    request: Request, job_id: JobId, service: Served, who: Caller,
    inline: Annotated[bool, Query(description="Show the report instead of saving it.")] = False,
) -> Response:  # fmt: skip
    """One file with figures, tables and script, which can be stored and opened without a network."""
    job = await _answered(service, job_id)
    calls = [json.loads(call) for call in await service.on_disk(service.jobs.answers, job_id)]
    figures = stored_figures(await service.on_disk(service.jobs.pictures, job_id), len(calls))
    gzipped = "gzip" in request.headers.get("accept-encoding", "")  # a third of the bytes
    settings = service.settings
    page = await service.render_pool.report(settings.index, settings.model, calls, figures, gzipped)
    headers = {"Content-Security-Policy": REPORT_POLICY, "Vary": "Accept-Encoding"}
    headers |= {} if inline else attachment(job, "html")
    headers |= {"Content-Encoding": "gzip"} if gzipped else {}
    return Response(page, media_type="text/html", headers=headers)


@router.get(
    "/{job_id}/pictures", response_model=PicturesDocument, summary="Windows of the query genomes",
    responses=problems(401, 404, 409, 422, 429),
)  # fmt: skip
async def pictures(job_id: JobId, service: Served, who: Caller) -> Response:
    job = await _answered(service, job_id)
    rows = {row["number"]: row for row in await service.on_disk(service.jobs.pictures, job_id)}
    answers = [rows.get(number) for number in range(job.answered)]
    document = {
        "pictures": job.pictures,
        "windows": [_windows(row["painting"]) if row and row["painting"] else None for row in answers],
        "compositions": [bool(row and row["portrait_light"]) for row in answers],
    }
    return Response(json.dumps(document), media_type="application/json")


def _windows(stored: str) -> dict[str, Any]:
    return windows_json(windows_of(json.loads(stored)))


@router.get(
    "/{job_id}/compositions/{number}.png", summary="Composition figure of a query genome",
    responses={200: {"content": {"image/png": {}}}, **problems(401, 404, 409, 422, 429)},
    response_class=Response,
)  # fmt: skip
async def composition(
    job_id: JobId, number: Annotated[int, Path(ge=0, le=1_000_000)], service: Served, who: Caller,
    theme: Annotated[Literal["light", "dark"], Query()] = "light",
) -> Response:  # fmt: skip
    await _answered(service, job_id)
    for row in await service.on_disk(service.jobs.pictures, job_id):
        if row["number"] == number and row[f"portrait_{theme}"]:
            return Response(row[f"portrait_{theme}"], media_type="image/png")
    raise not_found(
        f"answer {number} of this query has no composition figure", "submit the query with pictures=true"
    )


@router.get(
    "/{job_id}/sequence", summary="The sequence, if it was submitted with keep=true",
    responses={200: {"content": {"text/x-fasta": {}}}, **problems(401, 404, 409, 422, 429)},
    response_class=Response,
)  # fmt: skip
async def sequence(job_id: JobId, service: Served, who: Caller) -> Response:
    job = await _answered(service, job_id)
    path = path_of(service.settings.data, job_id)
    if not (job.settings.keep and path.exists()):
        raise not_found(
            "the sequence of this query was deleted after the answer", "submit the query with keep=true"
        )
    content = await service.in_checks(path.read_bytes)
    return Response(content, media_type="text/x-fasta", headers=attachment(job, "fasta"))


async def _answered(service: Service, job_id: str) -> Job:
    """A job that is done; a Problem if it is not."""
    job = await service.on_disk(service.jobs.get, job_id)
    if job.state == "done":
        return job
    why = job.problem or f"it is {job.state}; GET /v1/queries/{job_id}?wait=true waits for it"
    raise Problem(409, "not-done", "This query has no answers", why)


async def _document(service: Service, job: Job, status: int) -> Response:
    text = json.dumps(query_document(job))
    headers = {"Location": f"/v1/queries/{job.id}"}
    if job.state != "done":
        return Response(text, status, headers, media_type="application/json")
    head = text.removesuffix("null}") + "["
    pieces = _pieces(service, job, ("", ",", "]}"), ",".join)
    return await _streamed(job, head, pieces, status, headers, "application/json")


async def _streamed(
    job: Job, head: str, pieces: AsyncIterator[str], status: int, headers: dict[str, str], media: str
) -> Response:
    """A response of pieces: complete if it is small, else streamed from the database, to bound the memory."""
    if job.answered > PAGE_SIZE:
        return StreamingResponse(_chained(head, pieces), status, headers, media_type=media)
    return Response(head + "".join([piece async for piece in pieces]), status, headers, media_type=media)


async def _chained(head: str, pieces: AsyncIterator[str]) -> AsyncIterator[str]:
    yield head
    async for piece in pieces:
        yield piece


async def _pieces(
    service: Service, job: Job, separators: tuple[str, str, str], write: Callable[[list[str]], str]
) -> AsyncIterator[str]:
    """The answers as text, a page at a time; `separators` come before, between and after the pages."""
    start, between, end = separators
    for first in range(0, job.answered, PAGE_SIZE):
        calls = await service.on_disk(service.jobs.some_answers, job.id, first, PAGE_SIZE)
        yield (between if first else start) + await service.in_checks(write, calls)
    yield end


def _as_tsv_rows(calls: list[str]) -> str:
    _, *rows = as_tsv((call_of(json.loads(call)) for call in calls), {})
    return "".join(rows)


Writer = tuple[tuple[str, str, str], Callable[[list[str]], str]]  # separators and function of _pieces
WRITERS: Mapping[str, Writer] = {  # as `gindex query --format`
    "json": (("[\n", ",\n", "\n]\n"), ",\n".join),
    "jsonl": (("", "", ""), lambda calls: "".join(f"{call}\n" for call in calls)),
    "tsv": ((tsv.row(COLUMNS), "", ""), _as_tsv_rows),
}


def attachment(job: Job, suffix: str) -> dict[str, str]:
    """The header with a file name for browsers, in ASCII."""
    stem = "".join(char if char.isascii() and char.isalnum() else "-" for char in job.name)[:60]
    return {"Content-Disposition": f'attachment; filename="{stem.strip("-") or "query"}.{suffix}"'}
