"""Application: routes, errors as problem documents, and the middleware."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import metadata
from typing import Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from genome_index.errors import GindexError, InputError, UsageError
from genome_index.service import site as site_pages
from genome_index.service.auth import caller
from genome_index.service.middleware import ServiceMiddleware, as_response
from genome_index.service.problems import SEE_LOG, Problem, of_error
from genome_index.service.routes import admin, answers, health, queries
from genome_index.service.routes import index as browse
from genome_index.service.routes.pages import Pages
from genome_index.service.routes.pages import router as pages_router
from genome_index.service.schemas import ProblemDocument
from genome_index.service.settings import ServeSettings
from genome_index.service.state import Service

log = logging.getLogger(__name__)

CLIENT_GONE = 499  # for the counters: the client no longer reads


def make_app(settings: ServeSettings) -> FastAPI:
    """The service as an ASGI application; it opens the index now, and the workers start with the application.

    Raises
    ------
    UsageError, UnusableIndex, StorageError, IndexLocked
    """
    service = Service(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await service.start()
        try:
            yield
        finally:
            await service.stop()

    app = FastAPI(
        title="gindex", version=metadata.version("gindex"), lifespan=lifespan, docs_url=None, redoc_url=None,
        openapi_url="/v1/openapi.json", summary="Which species is this genome, and how sure are we?",
        redirect_slashes=False, generate_unique_id_function=_operation,
    )  # fmt: skip
    app.state.service = service
    for router in (
        queries.router,
        answers.router,
        browse.router,
        health.router,
        *([admin.router] if settings.admin else []),
    ):
        app.include_router(router)
    pages = Pages(service)
    app.include_router(site_pages.public_routes())
    app.include_router(pages_router)
    app.include_router(site_pages.routes(pages), dependencies=[Depends(caller)])
    _handle_errors(app, pages)
    _complete_openapi(app, settings)
    app.add_middleware(ServiceMiddleware, settings=settings, metrics=service.metrics)
    return app


def _operation(route: APIRoute) -> str:
    """The id of an operation in OpenAPI, for example `queries_submit`."""
    return f"{route.tags[0] if route.tags else 'pages'}_{route.name}"


def _handle_errors(app: FastAPI, pages: Pages) -> None:
    def response_of(request: Request, problem: Problem) -> Response:
        """A page for a browser that requests a page, else a problem document."""
        path = request.url.path
        if "text/html" in request.headers.get("accept", "") and not path.startswith("/v1/"):
            return site_pages.problem_page(pages, request, problem)
        return as_response(problem, path)

    @app.exception_handler(Problem)
    async def problem(request: Request, error: Problem) -> Response:
        return response_of(request, error)

    @app.exception_handler(GindexError)
    async def expected(request: Request, error: GindexError) -> Response:
        if not isinstance(error, UsageError | InputError):  # theirs may quote the caller's data
            log.error("%s", error)
        return response_of(request, of_error(error))

    @app.exception_handler(RequestValidationError)
    async def wrong_value(request: Request, error: RequestValidationError) -> Response:
        return response_of(request, of_validation(error))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        return response_of(request, of_http(error, app, request))

    @app.exception_handler(ClientDisconnect)
    async def gone(request: Request, error: ClientDisconnect) -> Response:
        return Response(status_code=CLIENT_GONE)

    @app.exception_handler(sqlite3.OperationalError)
    async def disk(request: Request, error: sqlite3.OperationalError) -> Response:
        log.error("%s", error)
        return response_of(request, of_database(error))


METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
HTTP_CURES = {
    404: "there is nothing at this path; GET /v1/openapi.json lists all paths",
    405: "this path does not support the method; the header Allow lists those that it supports",
}


def of_http(error: HTTPException, app: FastAPI, request: Request) -> Problem:
    """The problem of a request that the framework refused: unknown path or method, incomplete form."""
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_methods(app, request))
    cure = HTTP_CURES.get(error.status_code, f"{error.detail}; see /v1/openapi.json")
    return Problem(error.status_code, "http", str(error.detail), cure, headers)


def _methods(app: FastAPI, request: Request) -> list[str]:
    """The methods of a path; the router reports those of the first matching route only."""
    scopes = ({**request.scope, "method": method} for method in METHODS)
    return [
        scope["method"]
        for scope in scopes
        if any(route.matches(scope)[0] is Match.FULL for route in app.router.routes)
    ]


def of_database(error: sqlite3.OperationalError) -> Problem:
    """The problem of an error of the database."""
    if "locked" in str(error):
        why = "the database of the jobs is locked; retry in 10 s"
        return Problem(503, "busy", "The service is busy", why, {"Retry-After": "10"})
    return Problem(
        507, "disk", "The disk refused", f"the jobs cannot be read or written ({error}); {SEE_LOG}"
    )


def of_validation(error: RequestValidationError) -> Problem:
    """The problem of invalid values, each with its name."""
    errors = "; ".join(
        f"{'.'.join(str(part) for part in value['loc'][1:]) or value['loc'][0]}: {value['msg']}"
        for value in error.errors()
    )
    return Problem(422, "values", "A value cannot be used", f"{errors}; see /v1/openapi.json")


def _complete_openapi(app: FastAPI, settings: ServeSettings) -> None:
    """Add the problem document to the schema; remove FastAPI's errors, and keys if none are required."""
    original = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            from pydantic import TypeAdapter

            schema = original()
            schemas = schema.setdefault("components", {}).setdefault("schemas", {})
            schemas["ProblemDocument"] = TypeAdapter(ProblemDocument).json_schema()
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            if not (settings.requires_keys or settings.admin):
                schema["components"].pop("securitySchemes", None)
                for operations in schema["paths"].values():
                    for operation in operations.values():
                        operation.pop("security", None)
        return app.openapi_schema or {}

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to change it
