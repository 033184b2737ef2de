"""Services that several tests share; a start costs seconds."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from helpers.running_service import Running

REASON = "the extra serve is not installed"


@pytest.fixture(scope="session")
def strict_service(demo_index: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service with low limits: uploads of 5 MB, and 0.6 s for a query."""
    pytest.importorskip("fastapi", reason=REASON)
    from helpers.running_service import running

    data = tmp_path_factory.mktemp("strict") / "data"
    with running(demo_index, data, "--upload-mb", "5", "--job-minutes", "0.01") as service:
        yield service


@pytest.fixture(scope="session")
def keyed_service(demo_index: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service that requires API keys; `make_key` makes further ones."""
    pytest.importorskip("fastapi", reason=REASON)
    from helpers.running_service import make_key, running

    data = tmp_path_factory.mktemp("keyed") / "data"
    make_key(data, "first")
    with running(demo_index, data, "--keys") as service:
        yield service


@dataclass(frozen=True)
class ChangingService:
    """A service with write endpoints over an index of its own, which tests change."""

    service: Running
    index: Path
    admin: dict[str, str]  # the header with an admin key


@pytest.fixture(scope="session")
def changing_service(
    small_index: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ChangingService]:
    pytest.importorskip("fastapi", reason=REASON)
    from helpers.running_service import make_key, running

    folder = tmp_path_factory.mktemp("changing")
    index = Path(shutil.copytree(small_index, folder / "index"))
    key = make_key(folder / "data", "boss", admin=True)
    with running(index, folder / "data", "--admin") as service:
        yield ChangingService(service, index, {"X-API-Key": key})
