"""What the page asks of the service, and the way in and out for browsers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Form
from pydantic import Field, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from genome_index.io.reader import GenomePer
from genome_index.report.figures.genome.windows import Painting
from genome_index.service.auth import COOKIE, Served, who
from genome_index.service.figures.query_figures import painting_of
from genome_index.service.jobs.queue import Asked
from genome_index.service.problems import Problem
from genome_index.service.routes.queries import forgotten
from genome_index.service.routes.submit import accept
from genome_index.service.schemas import query_document
from genome_index.service.settings import Limits, ServeSettings
from genome_index.service.site import is_own, login_page
from genome_index.service.state import Service
from genome_index.service.views.index_view import Library

COOKIE_S = 30 * 24 * 3600  # then a browser asks for the key again


@dataclass(frozen=True)
class Chosen:
    """The form of the front page, as a browser sends it."""

    k: Annotated[int, Field(ge=1, le=50)] = 5
    genome_per: GenomePer = "file"
    exclude_identical: bool = False
    pictures: bool = False
    keep: bool = False


class Pages:
    """The service as its page sees it: site/service.py."""

    def __init__(self, service: Service) -> None:
        self._service = service

    @property
    def settings(self) -> ServeSettings:
        return self._service.settings

    @property
    def limits(self) -> Limits:
        return self._service.limits

    @property
    def library(self) -> Library:
        return self._service.library

    async def map_text(self) -> str | None:
        return await self._service.map_text()

    async def job_json(self, job_id: str) -> dict[str, Any]:
        return query_document(await self._service.on_disk(self._service.jobs.get, job_id))

    async def calls_json(self, job_id: str, first: int, most: int) -> list[dict[str, Any]]:
        found = await self._service.on_disk(self._service.jobs.some_answers, job_id, first, most)
        return [json.loads(call) for call in found]

    async def verdicts(self, job_id: str) -> Mapping[str, int]:
        return await self._service.on_disk(self._service.jobs.verdicts, job_id)

    async def pictures(self, job_id: str, number: int) -> tuple[Painting | None, bool]:
        row = await self._service.on_disk(self._service.jobs.picture, job_id, number)
        if row is None:
            return None, False
        painting = painting_of(json.loads(row["painting"])) if row["painting"] else None
        return painting, row["portrait_light"] is not None

    async def submit(self, request: Request) -> str:
        return (await accept(self._service, request, _who(self._service, request), chosen, None)).id

    async def forget(self, request: Request, job_id: str) -> None:
        await forgotten(self._service, job_id, _who(self._service, request))


def chosen(fields: Mapping[str, str]) -> Asked:
    """The fields of the form as what is asked; a Problem where one cannot be used."""
    try:
        return Asked(**asdict(TypeAdapter(Chosen).validate_python(dict(fields))))
    except ValidationError as error:
        said = "; ".join(f"{one['loc'][0]}: {one['msg']}" for one in error.errors())
        raise Problem(422, "values", "A value cannot be used", f"{said}; go back and correct it") from error


def _who(service: Service, request: Request) -> str:
    return who(service, request.cookies.get(COOKIE), request.client.host if request.client else "local")


router = APIRouter(include_in_schema=False)


@router.post("/login")
async def login(
    request: Request, service: Served, key: Annotated[str, Form()], next: Annotated[str, Form()] = "/"
) -> Response:
    """Keep a key in a cookie that no script can read and no other site can have sent."""
    try:
        who(service, key.strip(), "")
    except Problem as problem:
        return login_page(request, next, problem.detail)
    found = RedirectResponse(next if is_own(next) else "/", 303)
    found.set_cookie(
        COOKIE, key.strip(), COOKIE_S, httponly=True, samesite="strict", secure=request.url.scheme == "https"
    )
    return found


@router.post("/logout")
async def logout() -> Response:
    found = RedirectResponse("/login", 303)
    found.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return found
