"""Locks: one process writes to an index at a time, and a snapshot that a reader has open is not removed.

They are locks of the kernel (flock), which releases them when a process ends, however it ends.
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
    """Hold a folder's lock as its only writer.

    The folder is made if there is none, and removed at the end if it is still empty.

    Raises
    ------
    IndexLocked
        Another process still holds the lock after `wait_s`.
    """
    made = [folder for folder in (path, *path.parents) if not os.path.exists(folder)]
    handle = _take(path, wait_s)
    try:
        with disk_errors(path):
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"process {os.getpid()}, {Path(sys.argv[0]).name} since {now()}".encode(), 0)
        yield
    finally:
        _remove_if_empty(path, made)
        os.close(handle)


def _take(path: Path, wait_s: float) -> int:
    end = time.monotonic() + wait_s
    while True:
        with disk_errors(path):
            path.mkdir(parents=True, exist_ok=True)
            try:
                handle = os.open(path / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
            except FileNotFoundError:
                continue  # another process has just removed the folder it had made
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(handle, 200, 0).decode("utf-8", "replace") or "unknown"
            os.close(handle)
            if time.monotonic() >= end:
                raise IndexLocked(str(path), holder, wait_s) from None
            time.sleep(TRY_EVERY_S)
        else:
            if _is_same(handle, path / LOCK):
                return handle
            os.close(handle)  # the lock file was removed after it was opened


def _is_same(handle: int, lock: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), lock.stat())
    except FileNotFoundError:
        return False


def _remove_if_empty(path: Path, made: Sequence[Path]) -> None:
    with suppress(OSError):  # a folder with content stays, and so do the folders that contain it
        if os.listdir(path) == [LOCK]:
            (path / LOCK).unlink()
            for folder in made:
                folder.rmdir()


def hold(folder: Path) -> int | None:
    """A handle that keeps a folder from being pruned until it is closed; None where that is impossible."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return None  # reading the folder will raise the error
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)  # it is being pruned, or its file system has no locks
        return None
    return handle


def is_held(folder: Path) -> bool:
    """Whether a reader in any process has the folder open."""
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
