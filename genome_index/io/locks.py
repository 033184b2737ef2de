"""Locks: one process writes to an index at a time, and what a reader has open is not taken away from it.

All of them are the kernel's (flock): it lets go of them when a process ends, however it ends.
"""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from genome_index.errors import IndexLocked
from genome_index.io.atomic import disk_errors

LOCK = "lock"
TRY_EVERY_S = 0.1


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@contextmanager
def locked(path: Path, wait_s: float) -> Iterator[None]:
    """Hold a folder's lock: one writer at a time, a second one waits and then fails with a sentence.

    The folder is made where there is none, and goes again where nothing came of it.
    """
    made = [folder for folder in (path, *path.parents) if not os.path.exists(folder)]
    handle = _take(path, wait_s)
    try:
        with disk_errors(path):
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"process {os.getpid()}, {Path(sys.argv[0]).name} since {now()}".encode(), 0)
        yield
    finally:
        _leave_nothing(path, made)
        os.close(handle)


def _take(path: Path, wait_s: float) -> int:
    end = time.monotonic() + wait_s
    while True:
        with disk_errors(path):
            path.mkdir(parents=True, exist_ok=True)
            try:
                handle = os.open(path / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
            except FileNotFoundError:
                continue  # the folder that another process had made has just gone again
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(handle, 200, 0).decode("utf-8", "replace") or "unknown"
            os.close(handle)
            if time.monotonic() >= end:
                raise IndexLocked(str(path), holder, wait_s) from None
            time.sleep(TRY_EVERY_S)
        else:
            if _is_there(handle, path / LOCK):
                return handle
            os.close(handle)  # the same, after it was opened


def _is_there(handle: int, lock: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), lock.stat())
    except FileNotFoundError:
        return False


def _leave_nothing(path: Path, made: Sequence[Path]) -> None:
    with suppress(OSError):  # a folder with content stays, and so does all it lies in
        if os.listdir(path) == [LOCK]:
            (path / LOCK).unlink()
            for folder in made:
                folder.rmdir()


def hold(folder: Path) -> int | None:
    """Keep a folder from being pruned until this handle is closed; None where there is none to be had."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return None  # whoever reads in it will say why
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)  # it is being pruned, or its file system knows no locks
        return None
    return handle


def is_held(folder: Path) -> bool:
    """Whether some reader, of any process, has the folder open."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(handle)
    return False
