"""What holds for every request and answer: where it may come from, and what a browser may do with it."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

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
    "Referrer-Policy": "same-origin",  # a link to a result is its key: no other site is told
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",  # answers are nobody else's; what may be kept says so itself
}

log = logging.getLogger("gindex.requests")


class Guard:
    """The outermost layer: refuses what no browser of ours would send, sets headers, counts, and logs.

    A line of the log has method, route, status and time: no path, because a result's is its key, and nothing
    of what was sent.
    """

    def __init__(self, app: App, settings: ServeSettings, metrics: Metrics) -> None:
        self.app, self.settings, self.metrics = app, settings, metrics

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        began, status = time.perf_counter(), 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            problem = refusal(scope["method"], Headers(scope=scope), self.settings)
            if problem is not None:
                await as_response(problem, scope["path"])(scope, receive, noted)
            else:
                await self.app(scope, receive, noted)
        finally:
            self._count(scope, status, time.perf_counter() - began)
        return None

    def _count(self, scope: Message, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "other")
        self.metrics.requests.labels(scope["method"], route, str(status)).inc()
        self.metrics.seconds.labels(scope["method"], route).observe(seconds)
        log.info("%s %s %d %.0f ms", scope["method"], route, status, 1000 * seconds)


def refusal(method: str, headers: Headers, settings: ServeSettings) -> Problem | None:
    """Why a request is refused whatever it asks: another site sent it through somebody's browser.

    A name that is not this machine's can lead here by a DNS answer that has changed since the page that asks
    was loaded; what a form or script of another site sends bears its origin.
    """
    host = headers.get("host", "")
    name = urlsplit(f"//{host}").hostname or ""
    if settings.is_local and name not in (*LOOPBACK, *settings.names):
        return Problem(
            421, "host", "This service is not called that",
            f"it was asked for as {name!r}; ask for it as {settings.host}, or start it with "
            f"--allow-host {name}",
        )  # fmt: skip
    if method in READING:
        return None
    origin = headers.get("origin")
    elsewhere = origin is not None and urlsplit(origin).netloc != host
    if elsewhere or headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return Problem(
            403, "cross-site", "Another site may not ask for this",
            "the request came from a page of another site; open the service's own page, or use a script",
        )  # fmt: skip
    return None


def as_response(problem: Problem, path: str) -> JSONResponse:
    return JSONResponse(problem.document(path), problem.status, dict(problem.headers), media_type=MEDIA_TYPE)
