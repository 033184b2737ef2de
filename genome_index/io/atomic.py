"""Atomic writes and removals: a file or folder on disk is either complete or absent."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from genome_index.errors import StorageError


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Translate errors of the operating system, such as a full or read-only disk, into StorageError."""
    try:
        yield
    except OSError as error:
        raise StorageError(str(path), f"cannot write here ({error.strerror or error})") from error


def sync(path: Path) -> None:
    """Make the kernel write a file, or the entries of a folder, to the disk now."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_file(path: Path, content: bytes) -> None:
    """Replace a file at once: a reader sees the old content or the new, never a part of one."""
    new = path.with_name(f".{path.name}.new")
    with disk_errors(path):
        with new.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
        sync(path.parent)


def new_folder(final: Path) -> Path:
    """An empty folder to write into; `finish_folder` gives it its final name."""
    work = final.with_name(f".{final.name}.work")
    with disk_errors(final):
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
    return work


def finish_folder(work: Path, final: Path) -> None:
    """Give a finished folder its final name, after everything in it has reached the disk.

    A folder that has the name already is replaced: it was damaged, or it would not be written again.
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


def remove_folders(parent: Path, is_unneeded: Callable[[str], bool]) -> None:
    """Remove folders by name so that no part of one is ever seen: first it is renamed, then removed.

    Names that start with a dot are removed too: they were being written or removed when a process was killed.
    A folder that cannot be removed now is left for the next time.
    """
    names = sorted(os.listdir(parent)) if parent.is_dir() else []
    renamed = [parent / name for name in names if name.startswith(".")]
    for name in names:
        if not name.startswith(".") and is_unneeded(name):
            with suppress(OSError):
                renamed.append(_set_aside(parent / name))
    if renamed:
        sync(parent)
    for folder in renamed:
        shutil.rmtree(folder, ignore_errors=True)


def _set_aside(folder: Path) -> Path:
    """Rename a folder to a name that starts with a dot, and return that path."""
    aside = folder.with_name(f".{folder.name}.gone")
    if aside.exists():  # of a killed removal; a folder cannot be renamed to one with content
        shutil.rmtree(aside, ignore_errors=True)
    os.rename(folder, aside)
    return aside


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it where the file system has one name for each."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
