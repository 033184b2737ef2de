"""Files and folders for their user alone: sequences are unpublished, and the id of a job opens its answer."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

OTHERS = stat.S_IRWXG | stat.S_IRWXO


def private_folder(path: Path) -> None:
    """Make a folder for its user alone, or make it so if there is one."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    close_to_others(path)


def private_file(path: Path) -> BinaryIO:
    """A new file for its user alone, open for writing."""
    return open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600))


def close_to_others(path: Path) -> None:
    """Take the rights of group and others to a file or folder away, where this process may."""
    status = path.stat()
    if status.st_mode & OTHERS and os.geteuid() in (0, status.st_uid):
        path.chmod(stat.S_IMODE(status.st_mode) & ~OTHERS)
