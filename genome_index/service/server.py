"""Server process: listens, reports its address, and stops in good order."""

from __future__ import annotations

import logging
import resource
import signal
import socket
from collections.abc import Callable
from contextlib import closing

import uvicorn
from fastapi import FastAPI

from genome_index.errors import UsageError
from genome_index.service.app import make_app
from genome_index.service.connections import REQUEST_S, Connection
from genome_index.service.settings import ServeSettings
from genome_index.service.state import Service

DRAIN_S = 10  # for running requests when the service stops
MOST_CONNECTIONS = (
    1_000  # a further one ends the one silent longest; 503 where twice as many wait for answers
)
OTHER_FILES = 200  # databases, pipes of the workers, uploads


def run(settings: ServeSettings, report: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; `report` gets the address as a sentence.

    Raises
    ------
    UsageError, UnusableIndex, StorageError, IndexLocked
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    with closing(_listen(settings)) as listener:
        _serve(settings, listener, report)


def _serve(settings: ServeSettings, listener: socket.socket, report: Callable[[str], None]) -> None:
    app = make_app(settings)
    host, port = listener.getsockname()[:2]
    name = f"[{host}]" if ":" in host else host
    callers = "API keys required" if settings.requires_keys else "no API keys: for this machine only"
    report(f"serving {settings.index} at http://{name}:{port} ({callers}; Ctrl-C ends it)")
    for stop_signal in (signal.SIGTERM, signal.SIGINT):
        # After an orderly stop uvicorn sends itself the signal once more, which must not fail the process.
        signal.signal(stop_signal, lambda *_: None)
    most = 2 * min(MOST_CONNECTIONS, (_files() - OTHER_FILES) // 2)
    _Server(_configuration(app, settings, most), app.state.service).run([listener])


def _configuration(app: FastAPI, settings: ServeSettings, most: int) -> uvicorn.Config:
    """The settings of uvicorn, for `most` connections.

    X-Forwarded-For of a process on this machine is believed with keys only, where a proxy is expected:
    without keys it would name the caller, and each new name would have a queue of its own.
    """
    return uvicorn.Config(
        app, http=Connection, ws="none", log_config=None, access_log=False, server_header=False,
        timeout_graceful_shutdown=DRAIN_S, timeout_keep_alive=int(REQUEST_S),
        limit_concurrency=most, proxy_headers=settings.requires_keys,
    )  # fmt: skip


def _files() -> int:
    """The limit of open files of this process, which is raised first, where it may and must."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 2 * MOST_CONNECTIONS + OTHER_FILES
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return needed
    files = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return files


class _Server(uvicorn.Server):
    """A server that answers the requests that wait for a query, before it waits for running requests."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._service.end_waits()
        await super().shutdown(sockets)


def _listen(settings: ServeSettings) -> socket.socket:
    try:
        kind, _, _, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return _bound(kind, address)
    except OSError as error:
        raise UsageError(
            f"cannot listen at {settings.host} port {settings.port} ({error.strerror or error}); choose "
            "another --port, or 0 for a free one"
        ) from error


def _bound(kind: socket.AddressFamily, address: tuple[object, ...]) -> socket.socket:
    listener = socket.socket(kind, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError:
        listener.close()
        raise
    return listener
