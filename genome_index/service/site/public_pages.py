"""What anybody may have: the form of /login, the style and the scripts, and what went wrong."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from genome_index.service.problems import Problem, not_found
from genome_index.service.site.formats import sentence
from genome_index.service.site.interface import Service
from genome_index.service.site.rendering import STATIC, bare_page, page, static


def entrance() -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/login")
    async def login(request: Request, next: str = "/") -> HTMLResponse:
        return login_page(request, next)

    @router.get("/static/{name}")
    async def file(name: str) -> Response:
        if name not in STATIC:
            raise not_found(f"the page has no file {name!r}", f"it has {', '.join(STATIC)}")
        return static(name)

    return router


def login_page(request: Request, next: str = "/", problem: str = "") -> HTMLResponse:
    """The form that asks for a key; `next` is where to go then, `problem` why the last key was not taken."""
    values = {"next": next if is_own(next) else "/", "problem": problem}
    return bare_page(request, "login.html", values, 401 if problem else 200)


def is_own(path: str) -> bool:
    r"""Whether an address leads to a page of this service: browsers read `//host` and `/\host` as others'.

    >>> [is_own(path) for path in ("/queries/u3", "//evil.example", "/\\evil.example", "https:evil.example")]
    [True, False, False, False]
    """
    return path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()


def problem_page(service: Service, request: Request, problem: Problem) -> Response:
    """What went wrong, for a reader: the API's sentence, and a way on; without a key, the way in."""
    if problem.status == HTTPStatus.UNAUTHORIZED:
        asked = request.url
        after = f"{asked.path}?{asked.query}".rstrip("?") if request.method == "GET" else "/"
        return RedirectResponse(f"/login?{urlencode({'next': after})}", 303)
    values = {"problem": problem, "detail": sentence(problem.detail)}
    if service.settings.asks_for_keys and not request.cookies:
        found = bare_page(request, "problem.html", values, problem.status)
    else:
        found = page(service, request, "problem.html", values, problem.status)
    found.headers.update(problem.headers)
    return found
