"""Routes for browsers: the service as the page uses it, login and logout."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from genome_index.io.reader import GenomePer
from genome_index.report.figures.genome.windows import GenomeWindows
from genome_index.service.auth import COOKIE, Served, caller_name
from genome_index.service.figures.query_figures import windows_of
from genome_index.service.jobs.queue import JobSettings
from genome_index.service.problems import Problem
from genome_index.service.routes.queries import delete_query
from genome_index.service.routes.small_bodies import small_form
from genome_index.service.routes.submit import accept
from genome_index.service.schemas import query_document
from genome_index.service.settings import Limits, ServeSettings
from genome_index.service.site import is_own_path, login_page
from genome_index.service.state import Service
from genome_index.service.views.index_view import IndexView

COOKIE_S = 30 * 24 * 3600  # after that a browser needs the key again


@dataclass(frozen=True)
class SearchForm:
    """The settings in the form of the front page."""

    k: Annotated[int, Field(ge=1, le=50)] = 5
    genome_per: GenomePer = "file"
    exclude_identical: bool = False
    pictures: bool = False
    keep: bool = False


class Pages:
    """The service as its page uses it; see site/interface.py."""

    def __init__(self, service: Service) -> None:
        self._service = service

    @property
    def settings(self) -> ServeSettings:
        return self._service.settings

    @property
    def limits(self) -> Limits:
        return self._service.limits

    @property
    def index_view(self) -> IndexView:
        return self._service.index_view

    async def map_text(self) -> str | None:
        return await self._service.map_text()

    async def job_json(self, job_id: str) -> dict[str, Any]:
        return query_document(await self._service.on_disk(self._service.jobs.get, job_id))

    async def calls_json(self, job_id: str, first: int, most: int) -> list[dict[str, Any]]:
        calls = await self._service.on_disk(self._service.jobs.some_answers, job_id, first, most)
        return [json.loads(call) for call in calls]

    async def verdicts(self, job_id: str) -> Mapping[str, int]:
        return await self._service.on_disk(self._service.jobs.verdicts, job_id)

    async def figures(self, job_id: str, number: int) -> tuple[GenomeWindows | None, bool]:
        row = await self._service.on_disk(self._service.jobs.picture, job_id, number)
        if row is None:
            return None, False
        windows = windows_of(json.loads(row["painting"])) if row["painting"] else None
        return windows, row["portrait_light"] is not None

    async def submit(self, request: Request) -> str:
        caller = _caller(self._service, request)
        return (await accept(self._service, request, caller, form_settings, None)).id

    async def delete(self, request: Request, job_id: str) -> None:
        await delete_query(self._service, job_id, _caller(self._service, request))


def form_settings(fields: Mapping[str, str]) -> JobSettings:
    """The settings in the fields of the form; a Problem if a value is invalid."""
    try:
        return JobSettings(**asdict(TypeAdapter(SearchForm).validate_python(dict(fields))))
    except ValidationError as error:
        errors = "; ".join(f"{value['loc'][0]}: {value['msg']}" for value in error.errors())
        raise Problem(
            422, "values", "A value cannot be used", f"{errors}; go back and correct it"
        ) from error  # fmt: skip


def _caller(service: Service, request: Request) -> str:
    host = request.client.host if request.client else "local"
    return caller_name(service, request.cookies.get(COOKIE), host)


router = APIRouter(include_in_schema=False)


@router.post("/login")
async def login(request: Request, service: Served) -> Response:
    """Store a key in a cookie that scripts cannot read and other sites cannot send."""
    fields = await small_form(request)
    key, next = fields.get("key", "").strip(), fields.get("next", "/")
    try:
        caller_name(service, key, "")
    except Problem as problem:
        return login_page(request, next, problem.detail)
    response = RedirectResponse(next if is_own_path(next) else "/", 303)
    response.set_cookie(
        COOKIE, key, COOKIE_S, httponly=True, samesite="strict", secure=request.url.scheme == "https"
    )
    return response


@router.post("/logout")
async def logout() -> Response:
    response = RedirectResponse("/login", 303)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return response
