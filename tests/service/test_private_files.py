"""Nobody but its user reads the folder of a service, or a copy of it, whatever the umask."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")

from helpers.open_application import Opened
from helpers.running_service import make_key

from genome_index.service.jobs.backup import backup
from genome_index.service.jobs.database import connect

SEQUENCE = b">a\n" + b"ACGT" * 200


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    before = os.umask(0o000)
    yield
    os.umask(before)


def readable(folder: Path) -> list[str]:
    """The files and folders, the folder itself first, that group or others have any right to."""
    paths = [folder, *sorted(folder.rglob("*"))]
    return [
        str(path.relative_to(folder.parent))
        for path in paths
        if path.name != "lock" and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    ]


def test_a_service_keeps_its_folder_to_itself(opened: Opened, tmp_path: Path) -> None:
    data = tmp_path / "data"
    key = make_key(data, "boss", admin=True)
    assert readable(data) == []
    client = opened(keys=True, admin=True)
    headers = {"X-API-Key": key}
    client.post("/v1/queries?keep=true", content=SEQUENCE, headers=headers).raise_for_status()
    files = {"file": ("a.fa", SEQUENCE), "taxonomy": b"genome_id\tspecies\na\tb\n"}
    client.post("/v1/genomes", files=files, headers=headers).raise_for_status()
    assert len(list((data / "uploads").iterdir())) == 3
    assert (data / "service.sqlite-wal").exists()
    assert readable(data) == []
    backup(data, tmp_path / "copy")
    assert len(list((tmp_path / "copy" / "uploads").iterdir())) == 2
    assert readable(tmp_path / "copy") == []


def test_a_folder_that_an_older_service_left_open_is_closed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "uploads").mkdir(parents=True)
    (data / "service.sqlite").touch()
    (data / "lock").touch()
    assert readable(data) == ["data", "data/service.sqlite", "data/uploads"]
    connect(data).close()
    assert readable(data) == []


def test_a_folder_with_other_files_stays_open_and_closes_the_files_of_the_service(tmp_path: Path) -> None:
    """`--data /srv` must not close /srv."""
    (tmp_path / "data" / "of another").mkdir(parents=True)
    with closing(connect(tmp_path / "data")):
        assert readable(tmp_path / "data") == ["data", "data/of another"]


def test_folders_on_the_way_keep_the_usual_rights(tmp_path: Path) -> None:
    connect(tmp_path / "on" / "the" / "way").close()
    assert stat.S_IMODE((tmp_path / "on" / "the").stat().st_mode) == 0o777
    assert stat.S_IMODE((tmp_path / "on" / "the" / "way").stat().st_mode) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_reads_nothing(opened: Opened, tmp_path: Path) -> None:
    data = tmp_path / "data"
    client = opened()
    client.post("/v1/queries", content=SEQUENCE).raise_for_status()
    for folder in tmp_path.parents:
        if folder.stat().st_uid == 0 and "pytest" in str(folder):
            folder.chmod(folder.stat().st_mode | 0o011)
    tmp_path.chmod(0o755)
    code = (
        f"import os; os.setgid(65534); os.setuid(65534); os.stat({str(tmp_path)!r})\n"
        f"for path in ('', '/service.sqlite', '/uploads'):\n"
        f"    try:\n        print(os.listdir({str(data)!r} + path))\n"
        f"    except PermissionError:\n        print('refused')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["refused"] * 3
