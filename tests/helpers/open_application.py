"""The application without a server and worker processes, for tests of single requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from fastapi.testclient import TestClient

from genome_index.service.app import make_app
from genome_index.service.settings import ServeSettings

Opened = Callable[..., TestClient]


@contextmanager
def applications(index: Path, data: Path) -> Iterator[Opened]:
    """A function that opens the application with some settings; its workers are not started: queries wait."""
    with ExitStack() as cleanup:

        def open_(**settings: object) -> TestClient:
            app = make_app(ServeSettings(index, data, **settings))
            cleanup.callback(app.state.service.close)
            return TestClient(app, "http://127.0.0.1")

        yield open_
