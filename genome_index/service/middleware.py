"""Middleware for every request: refuses requests of other sites, sets security headers, counts and logs."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse

from genome_index.service.metrics import Metrics
from genome_index.service.problems import MEDIA_TYPE, Problem
from genome_index.service.settings import LOOPBACK, ServeSettings

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

READING = ("GET", "HEAD", "OPTIONS")
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # other sites must not learn the address of a result, which is secret
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",  # answers are private; files that may be cached set their own header
}

STOPPING = Problem(
    503, "stopping", "The service is stopping", "it was stopped during the request; retry in 10 s",
    {"Retry-After": "10"},
)  # fmt: skip

log = logging.getLogger("gindex.requests")


class ServiceMiddleware:
    """The outermost layer of the application.

    A line of the log has method, route, status and time. It has no path, because the path of a result is
    secret, and no content.
    """

    def __init__(self, app: App, settings: ServeSettings, metrics: Metrics) -> None:
        self.app, self.settings, self.metrics = app, settings, metrics

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        start, status, started = time.perf_counter(), 500, False

        async def send_with_headers(message: Message) -> None:
            nonlocal status, started
            if message["type"] == "http.response.start":
                status, started = message["status"], True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            problem = malformed(scope) or refusal(scope["method"], Headers(scope=scope), self.settings)
            if problem is not None:
                await as_response(problem, scope["path"])(scope, receive, send_with_headers)
            else:
                await self.app(scope, receive, send_with_headers)
        except asyncio.CancelledError:  # the service stops, and this request takes too long to wait for
            if not started:
                await as_response(STOPPING, scope["path"])(scope, receive, send_with_headers)
        finally:
            self._count(scope, status, time.perf_counter() - start)
        return None

    def _count(self, scope: Message, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "other")
        self.metrics.requests.labels(scope["method"], route, str(status)).inc()
        self.metrics.seconds.labels(scope["method"], route).observe(seconds)
        log.info("%s %s %d %.0f ms", scope["method"], route, status, 1000 * seconds)


def malformed(scope: Message) -> Problem | None:
    """The problem of a request whose path or Host header makes no address; None if it is none."""
    if not scope["path"].startswith("/"):
        return Problem(
            400, "malformed", "The request is malformed", "its path does not begin with /; give the path only"
        )
    if address(f"//{Headers(scope=scope).get('host', '')}") is None:
        return Problem(
            400, "malformed", "The request is malformed",
            "its Host header is no name of a host; send NAME or NAME:PORT",
        )  # fmt: skip
    return None


def address(url: str) -> SplitResult | None:
    """The parts of an address; None if it is malformed.

    >>> address("http://[") is address("//host:port") is None, address("//[::1]:80").hostname
    (True, '::1')
    """
    try:
        parts = urlsplit(url)
        _ = parts.port  # it is checked when it is read
    except ValueError:
        return None
    return parts


def refusal(method: str, headers: Headers, settings: ServeSettings) -> Problem | None:
    """The problem of a request that another site sent through the browser of a user; None if it is none.

    A foreign host name can lead to this machine by a DNS answer that changed after the page was loaded (DNS
    rebinding); forms and scripts of another site send their origin.
    """
    host = headers.get("host", "")
    parts = address(f"//{host}")
    name = (parts and parts.hostname) or ""
    if settings.is_local and name not in (*LOOPBACK, *settings.names):
        return Problem(
            421, "host", "This service has another name",
            f"the request is for the host {name!r}; use {settings.host}, or start the service with "
            f"--allow-host {name}",
        )  # fmt: skip
    if method in READING:
        return None
    origin = headers.get("origin")
    site = address(origin) if origin is not None else None
    elsewhere = origin is not None and (site is None or site.netloc != host)
    if elsewhere or headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return Problem(
            403, "cross-site", "Requests of other sites are refused",
            "the request came from a page of another site; open the page of the service, or use a script",
        )  # fmt: skip
    return None


def as_response(problem: Problem, path: str) -> JSONResponse:
    """The answer with a problem document."""
    return JSONResponse(problem.document(path), problem.status, dict(problem.headers), media_type=MEDIA_TYPE)
