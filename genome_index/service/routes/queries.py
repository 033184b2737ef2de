"""/v1/queries: take a sequence in, tell how far it is, give its answers, forget it."""

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
from genome_index.service.figures.query_figures import kept_drawings
from genome_index.service.jobs.queue import Asked, Job
from genome_index.service.jobs.uploads import path_of
from genome_index.service.problems import Problem, not_found
from genome_index.service.routes.submit import accept
from genome_index.service.schemas import PicturesDocument, QueryDocument, problems, query_document
from genome_index.service.state import Service

AT_ONCE = 500  # answers in memory: 2 MB, or 20 with 50 hits each
router = APIRouter(prefix="/v1/queries", tags=["queries"])

SEQUENCE = {"type": "string", "format": "binary", "description": "FASTA or GenBank; gz, bz2, xz and zst too."}
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
    "type": "string", "format": "binary", "description": "TSV or CSV: genome_id, ranks and labels.",
}  # fmt: skip
FOLLOWING = ("state", "forget", "calls", "report", "pictures")  # of a query that was taken in
LINKS = {
    name: {"operationId": f"queries_{name}", "parameters": {"job_id": "$response.body#/id"}}
    for name in FOLLOWING
}
JobId = Annotated[str, Path(description="As it was given when the query was accepted.", max_length=64)]
Format = Literal["json", "jsonl", "tsv"]
MEDIA = {"json": "application/json", "jsonl": "application/jsonl", "tsv": "text/tab-separated-values"}
REPORT_POLICY = (  # the report brings its own script; it runs in an origin of its own, where nothing is kept
    "sandbox allow-scripts allow-downloads allow-popups; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data: blob:; frame-ancestors 'none'"
)


@router.post(
    "", status_code=202, response_model=QueryDocument, openapi_extra=BODY, summary="Ask about a genome",
    responses={202: {"links": LINKS},
               200: {"model": QueryDocument, "description": "Answered while this waited.", "links": LINKS},
               **problems(400, 401, 403, 408, 413, 422, 429, 503, 507)},
)  # fmt: skip
async def ask(
    request: Request, service: Served, who: Caller,
    wait: Annotated[bool, Query(description="Answer when the query is answered.")] = False,
    timeout: Annotated[float, Query(ge=0, le=60, description="Seconds to wait at most.")] = 60,
    k: Annotated[int, Query(ge=1, le=50, description="Hits to report for each genome.")] = 5,
    genome_per: Annotated[GenomePer, Query(description="What one genome is.")] = "file",
    exclude_identical: Annotated[
        bool, Query(description="Leave out references with the query's very sequence.")
    ] = False,
    pictures: Annotated[bool, Query(description="Paint each genome along its length, for the page.")] = False,
    keep: Annotated[bool, Query(description="Keep the sequence for as long as the answers.")] = False,
    name: Annotated[str | None, Query(max_length=200, description="What the file is called.")] = None,
    idempotency_key: Annotated[
        str | None, Header(max_length=200, description="The same key is the same query, however often sent.")
    ] = None,
) -> Response:  # fmt: skip
    """Send FASTA or GenBank, plain or compressed, as a form's `file` or as the body itself.

    The query is on the disk when this answers, and outlives a restart. With `wait=true` the answer comes as
    soon as the query is over, or as it is then after `timeout` seconds.
    """
    asked = Asked(k, genome_per, exclude_identical, pictures, keep)
    job = await accept(service, request, who, lambda fields: _beside(fields, asked), name, idempotency_key)
    if wait:
        job = await service.until_over(job.id, min(timeout, service.limits.wait_s))
    return await _document(service, job, 200 if job.finished else 202)


def _beside(fields: Mapping[str, str], asked: Asked) -> Asked:
    """What was asked in the address; a form's other fields would be passed over, so they are refused."""
    if fields:
        raise Problem(
            422, "fields", "The form has fields that are not read",
            f"{', '.join(sorted(fields))}: give these in the address, /v1/queries?k=5&genome_per=record",
        )  # fmt: skip
    return asked


@router.get(
    "/{job_id}", response_model=QueryDocument, summary="How far a query is, and its answers",
    responses=problems(401, 404, 422, 429),
)  # fmt: skip
async def state(
    job_id: JobId, service: Served, who: Caller,
    wait: Annotated[bool, Query(description="Answer when the query is over.")] = False,
    timeout: Annotated[float, Query(ge=0, le=60)] = 60,
) -> Response:  # fmt: skip
    job = await service.on_disk(service.jobs.get, job_id)
    if wait and not job.finished:
        job = await service.until_over(job_id, min(timeout, service.limits.wait_s))
    return await _document(service, job, 200)


@router.delete(
    "/{job_id}", status_code=204, summary="Cancel and forget", responses=problems(401, 403, 404, 422, 429)
)
async def forget(job_id: JobId, service: Served, who: Caller) -> Response:
    """Stop a query if it is not over, and delete its sequence and its answers."""
    await forgotten(service, job_id, who)
    return Response(status_code=204)


async def forgotten(service: Service, job_id: str, who: str) -> None:
    """Delete a query, if whoever asks may.

    Raises
    ------
    Problem
    """
    job = await service.on_disk(service.jobs.get, job_id)
    if service.settings.asks_for_keys and job.caller != who:
        raise Problem(
            403, "not-yours", "This query is somebody else's",
            "only whoever sent a query may delete it; it expires by itself",
        )  # fmt: skip
    await service.on_disk(service.jobs.forget, job_id)
    path_of(service.settings.data, job_id).unlink(missing_ok=True)


@router.get(
    "/{job_id}/calls", summary="The answers as `gindex query` writes them",
    responses={200: {"content": {kind: {} for kind in MEDIA.values()}}, **problems(401, 404, 409, 422, 429)},
    response_class=Response,
)  # fmt: skip
async def calls(
    job_id: JobId, service: Served, who: Caller, format: Annotated[Format, Query()] = "json"
) -> Response:
    job = await _answered(service, job_id)
    pieces = _pieces(service, job, *WRITTEN[format])
    return await _streamed(job, "", pieces, 200, attachment(job, format), MEDIA[format])


@router.get(
    "/{job_id}/report", summary="The answers as one HTML page",
    responses={200: {"content": {"text/html": {}}}, **problems(401, 404, 409, 422, 429, 503)},
    response_class=Response,
)  # fmt: skip
async def report(
    request: Request, job_id: JobId, service: Served, who: Caller,
    inline: Annotated[bool, Query(description="Show it, instead of saving it.")] = False,
) -> Response:  # fmt: skip
    """With figures, tables, and all its script: it can be kept, and opened without a network."""
    job = await _answered(service, job_id)
    found = [json.loads(call) for call in await service.on_disk(service.jobs.answers, job_id)]
    drawn = kept_drawings(await service.on_disk(service.jobs.pictures, job_id), len(found))
    packed = "gzip" in request.headers.get("accept-encoding", "")  # a third of the bytes
    settings = service.settings
    page = await service.studio.report(settings.index, settings.model, found, drawn, packed)
    headers = {"Content-Security-Policy": REPORT_POLICY, "Vary": "Accept-Encoding"}
    headers |= {} if inline else attachment(job, "html")
    headers |= {"Content-Encoding": "gzip"} if packed else {}
    return Response(page, media_type="text/html", headers=headers)


@router.get(
    "/{job_id}/pictures", response_model=PicturesDocument, summary="Paintings along the genomes",
    responses=problems(401, 404, 409, 422, 429),
)  # fmt: skip
async def pictures(job_id: JobId, service: Served, who: Caller) -> Response:
    job = await _answered(service, job_id)
    rows = {row["number"]: row for row in await service.on_disk(service.jobs.pictures, job_id)}
    shown = [rows.get(number) for number in range(job.answered)]
    paintings = ", ".join(row["painting"] or "null" if row else "null" for row in shown)
    portraits = json.dumps([bool(row and row["portrait_light"]) for row in shown])
    text = f'{{"pictures": "{job.pictures}", "paintings": [{paintings}], "portraits": {portraits}}}'
    return Response(text, media_type="application/json")


@router.get(
    "/{job_id}/portraits/{number}.png", summary="The portrait of a genome that was asked about",
    responses={200: {"content": {"image/png": {}}}, **problems(401, 404, 409, 422, 429)},
    response_class=Response,
)  # fmt: skip
async def portrait(
    job_id: JobId, number: Annotated[int, Path(ge=0, le=1_000_000)], service: Served, who: Caller,
    theme: Annotated[Literal["light", "dark"], Query()] = "light",
) -> Response:  # fmt: skip
    await _answered(service, job_id)
    for row in await service.on_disk(service.jobs.pictures, job_id):
        if row["number"] == number and row[f"portrait_{theme}"]:
            return Response(row[f"portrait_{theme}"], media_type="image/png")
    raise not_found(f"answer {number} of this query has no portrait", "ask with pictures=true")


@router.get(
    "/{job_id}/sequence", summary="The sequence, where it was asked to be kept",
    responses={200: {"content": {"text/x-fasta": {}}}, **problems(401, 404, 409, 422, 429)},
    response_class=Response,
)  # fmt: skip
async def sequence(job_id: JobId, service: Served, who: Caller) -> Response:
    job = await _answered(service, job_id)
    path = path_of(service.settings.data, job_id)
    if not (job.asked.keep and path.exists()):
        raise not_found("the sequence of this query was deleted after it was answered", "ask with keep=true")
    content = await service.in_checks(path.read_bytes)
    return Response(content, media_type="text/x-fasta", headers=attachment(job, "fasta"))


async def _answered(service: Service, job_id: str) -> Job:
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
    before = text.removesuffix("null}") + "["
    pieces = _pieces(service, job, ("", ",", "]}"), ",".join)
    return await _streamed(job, before, pieces, status, headers, "application/json")


async def _streamed(
    job: Job, before: str, pieces: AsyncIterator[str], status: int, headers: dict[str, str], media: str
) -> Response:
    """All at once where it is little, as nearly always; else as it is read, because memory is bounded."""
    if job.answered > AT_ONCE:
        return StreamingResponse(_after(before, pieces), status, headers, media_type=media)
    return Response(before + "".join([piece async for piece in pieces]), status, headers, media_type=media)


async def _after(before: str, pieces: AsyncIterator[str]) -> AsyncIterator[str]:
    yield before
    async for piece in pieces:
        yield piece


async def _pieces(
    service: Service, job: Job, around: tuple[str, str, str], written: Callable[[list[str]], str]
) -> AsyncIterator[str]:
    """The answers, some at a time, as they are written: what stands before, between and after those."""
    start, between, end = around
    for first in range(0, job.answered, AT_ONCE):
        found = await service.on_disk(service.jobs.some_answers, job.id, first, AT_ONCE)
        yield (between if first else start) + await service.in_checks(written, found)
    yield end


def _as_tsv_rows(calls: list[str]) -> str:
    _, *rows = as_tsv((call_of(json.loads(call)) for call in calls), {})
    return "".join(rows)


WRITTEN: Mapping[
    str, tuple[tuple[str, str, str], Callable[[list[str]], str]]
] = {  # as `gindex query --format`
    "json": (("[\n", ",\n", "\n]\n"), ",\n".join),
    "jsonl": (("", "", ""), lambda calls: "".join(f"{call}\n" for call in calls)),
    "tsv": ((tsv.row(COLUMNS), "", ""), _as_tsv_rows),
}


def attachment(job: Job, suffix: str) -> dict[str, str]:
    """A file name for browsers, in letters that every header can hold."""
    stem = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in job.name)[:60]
    return {"Content-Disposition": f'attachment; filename="{stem.strip("-") or "query"}.{suffix}"'}
