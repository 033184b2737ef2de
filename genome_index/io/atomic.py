"""Write beside, then move; rename, then remove: what is on disk is either whole or not there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
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


def new_folder(final: Path) -> Path:
    """An empty folder to write into, beside where it will be moved when it is finished."""
    work = final.with_name(f".{final.name}.work")
    with disk_errors(final):
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
    return work


def finish_folder(work: Path, final: Path) -> None:
    """Move a finished folder into place; everything in it reaches the disk before its name does.

    What lies there already is of no use, or it would not be written again: it makes way.
    """
    with disk_errors(final):
        for file in sorted(work.iterdir()):
            sync(file)
        sync(work)
        old = _set_aside(final) if final.exists() else None
        os.replace(work, final)
        sync(final.parent)
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)


def remove_folders(parent: Path, gone: Callable[[str], bool]) -> None:
    """Remove folders by name so that none is ever seen by half: first the names go, then the contents.

    A name that starts with a dot is nobody's content: it was being written or removed when a process was
    killed, and goes as well. What cannot be removed now is left for the next time.
    """
    names = sorted(os.listdir(parent)) if parent.is_dir() else []
    remains = [parent / name for name in names if name.startswith(".")]
    for name in names:
        if not name.startswith(".") and gone(name):
            with suppress(OSError):
                remains.append(_set_aside(parent / name))
    if remains:
        sync(parent)
    for folder in remains:
        shutil.rmtree(folder, ignore_errors=True)


def _set_aside(folder: Path) -> Path:
    aside = folder.with_name(f".{folder.name}.gone")
    if aside.exists():  # a removal that was killed; a folder moves to no name that has content
        shutil.rmtree(aside, ignore_errors=True)
    os.rename(folder, aside)
    return aside
