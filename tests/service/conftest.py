"""A service that several tests share; a start costs seconds."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from helpers.open_application import Opened
    from helpers.running_service import Running

REASON = "the extra serve is not installed"


@dataclass(frozen=True)
class ChangingService:
    """A service with API keys and write endpoints, over an index of its own, which tests change."""

    service: Running
    index: Path
    admin: dict[str, str]  # the header with an admin key


@pytest.fixture
def opened(small_index: Path, tmp_path: Path) -> Iterator[Opened]:
    """Open the application with some settings; its workers are not started, so that queries wait."""
    pytest.importorskip("fastapi", reason=REASON)
    from helpers.open_application import applications

    with applications(small_index, tmp_path / "data") as open_:
        yield open_


@pytest.fixture(scope="session")
def changing_service(
    small_index: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ChangingService]:
    pytest.importorskip("fastapi", reason=REASON)
    from helpers.running_service import make_key, running

    folder = tmp_path_factory.mktemp("changing")
    index = Path(shutil.copytree(small_index, folder / "index"))
    key = make_key(folder / "data", "boss", admin=True)
    with running(index, folder / "data", "--keys", "--admin") as service:
        yield ChangingService(service, index, {"X-API-Key": key})
