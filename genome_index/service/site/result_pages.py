"""/queries: a sequence is sent, waited for, answered, and forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from genome_index.service.problems import Problem, not_found
from genome_index.service.site.call_text import answer_of, is_comparable, name_of, title_of
from genome_index.service.site.figures import painting_markup, portrait_of_query
from genome_index.service.site.interface import Service
from genome_index.service.site.map_marks import has_map, star_of_query
from genome_index.service.site.paging import Paging
from genome_index.service.site.pending_page import progress, unfinished
from genome_index.service.site.rendering import page

EACH_PAGE = 50  # answers in the table
ORDER = ("strain", "species", "genus", "family", "order", "class", "phylum", "superkingdom")
Json = Mapping[str, Any]


@dataclass(frozen=True)
class Pictures:
    painting: Markup | None
    portrait: tuple[str, str] | None  # addresses: light, dark


def results(service: Service) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.post("/queries")
    async def ask(request: Request) -> Response:
        return RedirectResponse(f"/queries/{await service.submit(request)}", 303)

    @router.get("/queries/{job_id}")
    async def show(
        request: Request, job_id: str, at: Annotated[int, Query(ge=1, le=1_000_000)] = 1
    ) -> HTMLResponse:
        job = await service.job_json(job_id)
        if job["state"] != "done":
            return unfinished(service, request, job)
        if job["progress"]["answered"] == 1:
            return await _answer(service, request, job, 1)
        return await _answers(service, request, job, at)

    @router.get("/queries/{job_id}/state")
    async def state(job_id: str) -> Response:
        """What the script asks again and again: the job without its answers; that it is gone is no error."""
        try:
            job = await service.job_json(job_id)
        except Problem:
            return JSONResponse({"state": "gone", "says": "gone"})
        return JSONResponse({**job, "says": progress(job)})

    @router.get("/queries/{job_id}/{number}")
    async def one(request: Request, job_id: str, number: int) -> HTMLResponse:
        return await _answer(service, request, await service.job_json(job_id), number)

    @router.post("/queries/{job_id}/delete")
    async def delete(request: Request, job_id: str) -> Response:
        await service.forget(request, job_id)
        return RedirectResponse("/?said=deleted", 303)

    return router


async def _answer(service: Service, request: Request, job: Json, number: int) -> HTMLResponse:
    """One answer with its evidence; numbers are from 1."""
    answered, path = job["progress"]["answered"], f"/queries/{job['id']}"
    calls = await service.calls_json(job["id"], number - 1, 1) if 1 <= number <= answered else []
    if not calls:
        raise not_found(f"this query has no answer {number:,}", f"there are {answered:,}; see {path}")
    says = f"{number:,} of {answered:,}"
    values = {
        "job": job,
        "has_map": await has_map(service),
        "call": calls[0],
        "answer": answer_of(calls[0]),
        "stars": star_of_query(service.library, calls[0], title_of(calls[0])),
        "pictures": await _pictures(service, job["id"], number - 1),
        "paging": Paging(number, answered, f"{path}/{{}}", says) if answered > 1 else None,
    }
    return page(service, request, "answer.html", values)


async def _pictures(service: Service, job_id: str, number: int) -> Pictures:
    painting, has_portrait = await service.pictures(job_id, number)
    return Pictures(
        painting_markup(painting) if painting else None,
        portrait_of_query(job_id, number) if has_portrait else None,
    )


async def _answers(service: Service, request: Request, job: Json, at: int) -> HTMLResponse:
    """The table of a page of answers."""
    first, path = (at - 1) * EACH_PAGE, f"/queries/{job['id']}"
    calls = await service.calls_json(job["id"], first, EACH_PAGE)
    rows = [(number, call, name_of(call)) for number, call in enumerate(calls, first + 1)]
    verdicts = await service.verdicts(job["id"])
    values = {
        "job": job,
        "has_map": await has_map(service),
        "rows": rows,
        "on_map": any(is_comparable(call) for call in calls),
        "stars": [
            star
            for number, call, _ in rows
            for star in star_of_query(service.library, call, title_of(call), f"{path}/{number}")
        ],
        "verdicts": sorted(verdicts.items(), key=lambda item: (_place(item[0]), item[0])),
        "paging": Paging.of_rows(at, EACH_PAGE, job["progress"]["answered"], f"{path}?at={{}}"),
    }
    return page(service, request, "answers.html", values)


def _place(verdict: str) -> int:
    return ORDER.index(verdict) if verdict in ORDER else len(ORDER)
