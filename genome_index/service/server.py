"""Server process: listens, reports its address, and stops in good order."""

from __future__ import annotations

import logging
import signal
import socket
from collections.abc import Callable
from contextlib import closing

import uvicorn

from genome_index.errors import UsageError
from genome_index.service.app import make_app
from genome_index.service.settings import ServeSettings
from genome_index.service.state import Service

DRAIN_S = 10  # for running requests when the service stops
MOST_CONNECTIONS = 1_000  # further connections get 503 at once
KEEP_ALIVE_S = 30  # for a connection without a request


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
    report(f"serving {settings.index} at http://{name}:{port} (Ctrl-C ends it)")
    config = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=DRAIN_S,
        timeout_keep_alive=KEEP_ALIVE_S, limit_concurrency=MOST_CONNECTIONS,
    )  # fmt: skip
    for stop_signal in (signal.SIGTERM, signal.SIGINT):
        # After an orderly stop uvicorn sends itself the signal once more, which must not fail the process.
        signal.signal(stop_signal, lambda *_: None)
    _Server(config, app.state.service).run([listener])


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
