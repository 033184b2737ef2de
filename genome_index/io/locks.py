"""Locks: one process writes to an index at a time, and a snapshot that a reader has open is not removed.

They are locks of the kernel (flock), which releases them when a process ends, however it ends. On a file
system without them, a writer has a lock file, and a snapshot that was opened within a day is not removed.
"""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from genome_index.errors import IndexLocked
from genome_index.io.atomic import disk_errors
from genome_index.io.lock_files import TRY_EVERY_S, WITHOUT_LOCKS, now, release_lock_file, take_lock_file

__all__ = ["hold", "is_held", "locked", "now"]

LOCK = "lock"
OPEN_FOR_S = 86_400  # how long a snapshot counts as open where there are no locks


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
    program = f"process {os.getpid()}, {Path(sys.argv[0]).name} since {now()}"
    handle, by_kernel = _take(path, wait_s)
    try:
        if not by_kernel:
            with disk_errors(path):
                take_lock_file(path, program, wait_s)
        with _lock_file_released(path, by_kernel):
            with disk_errors(path):
                os.ftruncate(handle, 0)
                os.pwrite(handle, program.encode(), 0)
            yield
    finally:
        _remove_if_empty(path, made)
        os.close(handle)


@contextmanager
def _lock_file_released(path: Path, by_kernel: bool) -> Iterator[None]:
    try:
        yield
    finally:
        if not by_kernel:
            release_lock_file(path)


def _take(path: Path, wait_s: float) -> tuple[int, bool]:
    """The open lock file, and whether the kernel holds it for this process alone."""
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
        except OSError as error:
            if error.errno not in WITHOUT_LOCKS:
                os.close(handle)
                raise
            return handle, False
        else:
            if _is_same(handle, path / LOCK):
                return handle, True
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
    except OSError as error:  # it is being pruned, or its file system has no locks
        if error.errno in WITHOUT_LOCKS:
            with suppress(OSError):  # the folder may be read-only
                os.utime(handle)
        os.close(handle)
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
    except OSError as error:
        return error.errno in WITHOUT_LOCKS and time.time() - os.fstat(handle).st_mtime < OPEN_FOR_S
    finally:
        os.close(handle)
    return False
