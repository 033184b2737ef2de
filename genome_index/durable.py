"""Write beside, then move: what is on disk is either whole or not there."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from genome_index.errors import StorageError


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Translate what the operating system says of a full or read-only disk."""
    try:
        yield
    except OSError as error:
        raise StorageError(str(path), f"cannot write here ({error.strerror or error})") from error


def sync(path: Path) -> None:
    """Ask the kernel to put a file, or a folder's entries, on the disk now."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_file(path: Path, content: bytes) -> None:
    """Replace a file at once: a reader sees the old content or the new, never half of one."""
    beside = path.with_name(f".{path.name}.new")
    with disk_errors(path):
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
        sync(path.parent)


def finish_folder(work: Path, final: Path) -> None:
    """Move a finished folder into place; everything in it reaches the disk before its name does."""
    with disk_errors(final):
        for file in sorted(work.iterdir()):
            sync(file)
        sync(work)
        os.replace(work, final)
        sync(final.parent)


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
