"""Pages /queries: submit a sequence, wait for the answers, read and delete them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from genome_index.report.html.windows import windows_markup
from genome_index.service.problems import Problem, not_found
from genome_index.service.site.call_text import answer_of, is_comparable, name_of, title_of
from genome_index.service.site.hit_cards import closest_of, hit_cards
from genome_index.service.site.interface import Service
from genome_index.service.site.map_marks import has_map, query_marks
from genome_index.service.site.paging import Paging
from genome_index.service.site.pending_page import progress, unfinished
from genome_index.service.site.rendering import page

PAGE_SIZE = 50  # answers in the table
VERDICT_ORDER = ("strain", "species", "genus", "family", "order", "class", "phylum", "superkingdom")
Json = Mapping[str, Any]


@dataclass(frozen=True)
class Figures:
    """The figures of an answer on its page."""

    windows: Markup | None
    composition: tuple[str, str] | None  # addresses: light, dark


def results(service: Service) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.post("/queries")
    async def submit(request: Request) -> Response:
        return RedirectResponse(f"/queries/{await service.submit(request)}", 303)

    @router.get("/queries/{job_id}")
    async def show(
        request: Request, job_id: str, number: Annotated[int, Query(alias="page", ge=1, le=1_000_000)] = 1
    ) -> HTMLResponse:
        job = await service.job_json(job_id)
        if job["state"] != "done":
            return unfinished(service, request, job)
        if job["progress"]["answered"] == 1:
            return await _answer(service, request, job, 1)
        return await _answers(service, request, job, number)

    @router.get("/queries/{job_id}/state")
    async def state(job_id: str) -> Response:
        """The progress of a job for the script; a deleted job is no error."""
        try:
            job = await service.job_json(job_id)
        except Problem:
            return JSONResponse({"state": "deleted", "text": "deleted"})
        return JSONResponse({**job, "text": progress(job)})

    @router.get("/queries/{job_id}/{number}")
    async def answer(request: Request, job_id: str, number: int) -> HTMLResponse:
        return await _answer(service, request, await service.job_json(job_id), number)

    @router.post("/queries/{job_id}/delete")
    async def delete(request: Request, job_id: str) -> Response:
        await service.delete(request, job_id)
        return RedirectResponse("/?notice=deleted", 303)

    return router


async def _answer(service: Service, request: Request, job: Json, number: int) -> HTMLResponse:
    """The page of one answer with its evidence, counted from 1."""
    answered, path = job["progress"]["answered"], f"/queries/{job['id']}"
    calls = await service.calls_json(job["id"], number - 1, 1) if 1 <= number <= answered else []
    if not calls:
        raise not_found(f"this query has no answer {number:,}", f"it has {answered:,}; see {path}")
    text = f"{number:,} of {answered:,}"
    values = {
        "job": job,
        "has_map": await has_map(service),
        "call": calls[0],
        "answer": answer_of(calls[0]),
        "cards": hit_cards(calls[0]),
        "marks": query_marks(service.index_view, calls[0], title_of(calls[0])),
        "figures": await _figures(service, job["id"], number - 1),
        "paging": Paging(number, answered, f"{path}/{{}}", text) if answered > 1 else None,
    }
    return page(service, request, "answer.html", values)


async def _figures(service: Service, job_id: str, number: int) -> Figures:
    windows, has_composition = await service.figures(job_id, number)
    return Figures(
        windows_markup(windows) if windows else None,
        _composition_addresses(job_id, number) if has_composition else None,
    )


def _composition_addresses(job_id: str, number: int) -> tuple[str, str]:
    """The addresses of the composition figure of an answer, counted from 0: light, dark."""
    path = f"/v1/queries/{job_id}/compositions/{number}.png?theme="
    return f"{path}light", f"{path}dark"


async def _answers(service: Service, request: Request, job: Json, number: int) -> HTMLResponse:
    """A page of the table of answers."""
    first, path = (number - 1) * PAGE_SIZE, f"/queries/{job['id']}"
    calls = await service.calls_json(job["id"], first, PAGE_SIZE)
    rows = [(row, call, name_of(call), closest_of(call)) for row, call in enumerate(calls, first + 1)]
    verdicts = await service.verdicts(job["id"])
    values = {
        "job": job,
        "has_map": await has_map(service),
        "rows": rows,
        "on_map": any(is_comparable(call) for call in calls),
        "marks": [
            mark
            for row, call, *_ in rows
            for mark in query_marks(service.index_view, call, title_of(call), f"{path}/{row}")
        ],
        "verdicts": sorted(verdicts.items(), key=lambda item: (_order(item[0]), item[0])),
        "paging": Paging.of_rows(number, PAGE_SIZE, job["progress"]["answered"], f"{path}?page={{}}"),
    }
    return page(service, request, "answers.html", values)


def _order(verdict: str) -> int:
    return VERDICT_ORDER.index(verdict) if verdict in VERDICT_ORDER else len(VERDICT_ORDER)
