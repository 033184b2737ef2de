"""Keepsakes: what was worked out of a snapshot once, sealed, and made anew where it is gone or damaged.

    INDEX/maps/000007-b2d4b8a6f0c4-umap.npz    of snapshot 7; its own sha256 follows the content

They are no part of the index: whoever may not write there does without.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from genome_index.index.index import Index
from genome_index.index.snapshots import numbers
from genome_index.io.atomic import disk_errors, write_file

SEAL_BYTES = 64  # of a sha256 as text


def cache_path(index: Index, folder: str, ending: str) -> Path:
    """Where something of this very snapshot is kept."""
    snapshot = index.snapshot
    return index.path / folder / f"{snapshot.number:06d}-{snapshot.fingerprint}{ending}"


def read_cached(path: Path) -> bytes | None:
    """What was kept; None where there is nothing that can be relied on."""
    try:
        sealed = path.read_bytes()
    except OSError:
        return None
    content, seal = sealed[:-SEAL_BYTES], sealed[-SEAL_BYTES:]
    return content if hashlib.sha256(content).hexdigest().encode() == seal else None


def keep(index: Index, path: Path, content: bytes) -> None:
    """Write beside other cache of its kind; those of snapshots that are gone make way.

    Raises
    ------
    StorageError
    """
    with disk_errors(path.parent):
        path.parent.mkdir(exist_ok=True)
    write_file(path, content + hashlib.sha256(content).hexdigest().encode())
    there = {f"{number:06d}" for number in numbers(index.path)}
    with disk_errors(path.parent):
        for other in path.parent.iterdir():
            if other.name.partition("-")[0] not in there:
                other.unlink(missing_ok=True)
