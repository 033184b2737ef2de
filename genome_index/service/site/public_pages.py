"""Pages without a key: the form of /login, style sheet and scripts, and problems."""

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


def public_routes() -> APIRouter:
    """/login, and the files under /static."""
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
    """The form for a key; `next` is the page after it, `problem` why the last key was refused."""
    values = {"next": next if is_own_path(next) else "/", "problem": problem}
    return bare_page(request, "login.html", values, 401 if problem else 200)


def is_own_path(path: str) -> bool:
    r"""Whether an address is a page of this service: browsers read `//host` and `/\host` as other hosts.

    >>> paths = ("/queries/u3", "//evil.example", "/\\evil.example", "https:evil.example")
    >>> [is_own_path(path) for path in paths]
    [True, False, False, False]
    """
    return path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()


def problem_page(service: Service, request: Request, problem: Problem) -> Response:
    """The page of a problem, with the sentence of the API; /login if a key is missing."""
    if problem.status == HTTPStatus.UNAUTHORIZED:
        url = request.url
        address = f"{url.path}?{url.query}".rstrip("?") if request.method == "GET" else "/"
        return RedirectResponse(f"/login?{urlencode({'next': address})}", 303)
    values = {"problem": problem, "detail": sentence(problem.detail)}
    if service.settings.requires_keys and not request.cookies:
        response = bare_page(request, "problem.html", values, problem.status)
    else:
        response = page(service, request, "problem.html", values, problem.status)
    response.headers.update(problem.headers)
    return response
