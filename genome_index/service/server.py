"""A service as a process: it listens, says where, and ends in good order."""

from __future__ import annotations

import logging
import signal
import socket
from collections.abc import Callable

import uvicorn

from genome_index.errors import UsageError
from genome_index.service.app import make_app
from genome_index.service.settings import ServeSettings

DRAIN_S = 10  # for requests that are under way when the service is told to stop
MOST_CONNECTIONS = 1_000  # more are told at once that the service is busy
HELD_OPEN_S = 30  # a connection without a request


def run(settings: ServeSettings, tell: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises
    ------
    UsageError, UnusableIndex, StorageError, IndexLocked
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    listening = _listen(settings)
    app = make_app(settings)
    host, port = listening.getsockname()[:2]
    name = f"[{host}]" if ":" in host else host
    tell(f"serving {settings.index} at http://{name}:{port} (Ctrl-C ends it)")
    config = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=DRAIN_S,
        timeout_keep_alive=HELD_OPEN_S, limit_concurrency=MOST_CONNECTIONS,
    )  # fmt: skip
    for asked_to_end in (signal.SIGTERM, signal.SIGINT):
        # uvicorn ends in good order and then sends itself the signal once more: that is no failure.
        signal.signal(asked_to_end, lambda *_: None)
    uvicorn.Server(config).run([listening])


def _listen(settings: ServeSettings) -> socket.socket:
    try:
        kind, _, _, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        found = socket.socket(kind, socket.SOCK_STREAM)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        found.listen(2048)
    except OSError as error:
        raise UsageError(
            f"cannot listen at {settings.host} port {settings.port} ({error.strerror or error}); choose "
            "another --port, or 0 for a free one"
        ) from error
    return found
