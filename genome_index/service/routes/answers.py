"""Routes of the answers of a query: calls, report, figures, sequence."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response

from genome_index.service.auth import Caller, Served
from genome_index.service.figures.query_figures import stored_figures, windows_json, windows_of
from genome_index.service.jobs.queue import Job
from genome_index.service.jobs.uploads import path_of
from genome_index.service.problems import Problem, not_found
from genome_index.service.routes.queries import JobId
from genome_index.service.routes.streaming import MEDIA, WRITERS, Format, pieces, streamed
from genome_index.service.schemas import PicturesDocument, problems
from genome_index.service.state import Service

router = APIRouter(prefix="/v1/queries", tags=["queries"])

REPORT_POLICY = (  # the report has its own script, which runs in a separate origin without storage
    "sandbox allow-scripts allow-downloads allow-popups; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data: blob:; frame-ancestors 'none'"
)


@router.get(
    "/{job_id}/calls", summary="The answers in a format of `gindex query`",
    responses={200: {"content": {kind: {} for kind in MEDIA.values()}}, **problems(401, 404, 409, 422, 429)},
    response_class=Response,
)  # fmt: skip
async def calls(
    job_id: JobId, service: Served, caller: Caller, format: Annotated[Format, Query()] = "json"
) -> Response:
    job = await _answered(service, job_id)
    parts = pieces(service, job, *WRITERS[format])
    return await streamed(job, "", parts, 200, attachment(job, format), MEDIA[format])


@router.get(
    "/{job_id}/report", summary="The answers as an HTML report",
    responses={200: {"content": {"text/html": {}}}, **problems(401, 404, 409, 422, 429, 503)},
    response_class=Response,
)  # fmt: skip
async def report(
    request: Request, job_id: JobId, service: Served, caller: Caller,
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
async def pictures(job_id: JobId, service: Served, caller: Caller) -> Response:
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
    job_id: JobId, number: Annotated[int, Path(ge=0, le=1_000_000)], service: Served, caller: Caller,
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
async def sequence(job_id: JobId, service: Served, caller: Caller) -> Response:
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


def attachment(job: Job, suffix: str) -> dict[str, str]:
    """The header with a file name for browsers, in ASCII."""
    stem = "".join(char if char.isascii() and char.isalnum() else "-" for char in job.name)[:60]
    return {"Content-Disposition": f'attachment; filename="{stem.strip("-") or "query"}.{suffix}"'}
