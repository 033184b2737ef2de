"""An index on a file system without locks (Lustre without `-o flock`, NFS without lockd)."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

import pytest
from helpers.ncbi_server import dna

from genome_index import Index
from genome_index.errors import IndexLocked
from genome_index.io import lock_files, locks
from genome_index.io.lock_files import HELD, machine, take_lock_file

SOURCE = Path(__file__).parents[1] / "helpers" / "no_locks.c"
ERRORS = {"Lustre": errno.ENOSYS, "NFS": errno.ENOLCK, "FUSE": errno.EOPNOTSUPP}


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that takes the locks away from a process."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("no compiler, or no LD_PRELOAD here")
    path = tmp_path_factory.mktemp("library") / "no_locks.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", path, SOURCE, "-ldl"], check=True)
    return path


def gindex(
    library: Path, folder: Path, error: int, *arguments: str | Path
) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "LD_PRELOAD": str(library), "NO_LOCKS_UNDER": str(folder), "NO_LOCKS_ERRNO": str(error),
    }  # fmt: skip
    command = [sys.executable, "-m", "gindex_cli", *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, seed in (("a", 1), ("b", 2)):
        (tmp_path / f"{name}.fa").write_text(f">{name}\n{dna(seed, 3000)}\n")
    return tmp_path


@pytest.mark.long
@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
def test_an_index_is_built_changed_and_queried(library: Path, folder: Path, error: int) -> None:
    """Every command with the error of Lustre, two with those of the others, because each is a process."""
    index = folder / "idx"
    if error != errno.ENOSYS:
        for name in ("build", "query"):
            result = gindex(library, folder, error, name, folder / "a.fa", "--index", index)
            assert (result.returncode, "Traceback" in result.stderr) == (0, False), result.stderr
        return
    for words in (
        ("build", folder / "a.fa"),
        ("add", folder / "b.fa"),
        ("query", folder / "b.fa"),
        ("sql", "SELECT count(*) AS genomes FROM genomes"),
        ("undo",),
        ("check",),
    ):
        result = gindex(library, folder, error, *words, "--index", index)
        assert (result.returncode, "Traceback" in result.stderr) == (0, False), result.stderr
    assert not (index / HELD).exists()
    assert len(Index.open(index).catalog) == 1


def held_by(folder: Path, words: str) -> str:
    return (
        f"{folder}: another gindex ({words}) is writing to this index, and still was after 0 s; "
        f"wait for it to end, or give --wait SECONDS; if no such process runs, delete {folder / HELD}"
    )


def test_a_second_writer_waits_and_says_which_file_to_delete(tmp_path: Path) -> None:
    take_lock_file(tmp_path, "process 1, gindex since now", 0)
    with pytest.raises(IndexLocked) as caught:
        take_lock_file(tmp_path, "process 2", 0)
    words = (tmp_path / HELD).read_text().splitlines()[2]
    assert words.startswith("process 1, gindex since now on ")
    assert str(caught.value) == held_by(tmp_path, words)


def test_the_lock_of_a_killed_process_is_removed(tmp_path: Path) -> None:
    killed = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    (tmp_path / HELD).write_text(f"{machine()}\n{killed.pid}\nprocess {killed.pid} on here\n")
    take_lock_file(tmp_path, "process 2", 0)
    assert (tmp_path / HELD).read_text().splitlines()[1] == str(os.getpid())
    assert os.listdir(tmp_path) == [HELD]


def test_the_lock_of_another_machine_stays(tmp_path: Path) -> None:
    (tmp_path / HELD).write_text("elsewhere 1 2\n999999999\nprocess 9 on elsewhere\n")
    with pytest.raises(IndexLocked) as caught:
        take_lock_file(tmp_path, "process 2", 0)
    assert str(caught.value) == held_by(tmp_path, "process 9 on elsewhere")


def test_a_lock_is_not_taken_from_the_process_that_made_it_anew(tmp_path: Path) -> None:
    (tmp_path / HELD).write_bytes(b"new")
    lock_files._remove(tmp_path / HELD, b"old")
    assert (tmp_path / HELD).read_bytes() == b"new"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_lock_that_could_not_be_written_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int, mode: str) -> IO[bytes]:
        os.close(handle)
        return Path("/dev/full").open(mode, buffering=0)

    monkeypatch.setattr(lock_files.os, "fdopen", full)
    with pytest.raises(OSError, match="No space left on device"):
        take_lock_file(tmp_path, "process 1", 0)
    assert os.listdir(tmp_path) == []


def test_an_opened_snapshot_counts_as_open_for_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(handle: int, operation: int) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", refuse)
    long_ago = time.time() - locks.OPEN_FOR_S - 60
    os.utime(tmp_path, (long_ago, long_ago))
    assert not locks.is_held(tmp_path)
    assert locks.hold(tmp_path) is None
    assert locks.is_held(tmp_path)


@pytest.mark.long
def test_writers_take_turns(library: Path, folder: Path) -> None:
    """Two processes that change one index: the second waits for the first, and both changes are there."""
    index = folder / "idx"
    assert gindex(library, folder, errno.ENOSYS, "build", folder / "a.fa", "--index", index).returncode == 0
    (folder / "c.fa").write_text(f">c\n{dna(3, 3000)}\n")
    environment = os.environ | {
        "LD_PRELOAD": str(library), "NO_LOCKS_UNDER": str(folder), "NO_LOCKS_ERRNO": str(errno.ENOLCK),
    }  # fmt: skip
    adding = [
        subprocess.Popen(
            [sys.executable, "-m", "gindex_cli", "add", folder / f"{name}.fa", "--index", index],
            env=environment,
            stderr=subprocess.DEVNULL,
        )
        for name in ("b", "c")
    ]
    assert [process.wait(120) for process in adding] == [0, 0]
    assert sorted(entry.id for entry in Index.open(index).catalog.entries()) == ["a", "b", "c"]
