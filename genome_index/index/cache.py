"""Cache of results derived from a snapshot; checksummed, made again when missing or damaged.

    INDEX/maps/000007-b2d4b8a6f0c4-umap.npz    of snapshot 7; its own sha256 follows the content

A cached file is not part of the index: where the folder cannot be written, results are computed each time.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from genome_index.index.index import Index
from genome_index.index.snapshots import numbers
from genome_index.io.atomic import disk_errors, write_file

CHECKSUM_BYTES = 64  # of a sha256 as text


def cache_path(index: Index, folder: str, ending: str) -> Path:
    """The path of a cached result of this snapshot."""
    snapshot = index.snapshot
    return index.path / folder / f"{snapshot.number:06d}-{snapshot.fingerprint}{ending}"


def read_cached(path: Path) -> bytes | None:
    """The content of a cached file; None if it is missing, unreadable or damaged."""
    try:
        stored = path.read_bytes()
    except OSError:
        return None
    content, checksum = stored[:-CHECKSUM_BYTES], stored[-CHECKSUM_BYTES:]
    return content if hashlib.sha256(content).hexdigest().encode() == checksum else None


def write_cached(index: Index, path: Path, content: bytes) -> None:
    """Cache a result, and remove those of snapshots that are gone.

    Raises
    ------
    StorageError
    """
    with disk_errors(path.parent):
        path.parent.mkdir(exist_ok=True)
    write_file(path, content + hashlib.sha256(content).hexdigest().encode())
    snapshots = {f"{number:06d}" for number in numbers(index.path)}
    with disk_errors(path.parent):
        for other in path.parent.iterdir():
            if other.name.partition("-")[0] not in snapshots:
                other.unlink(missing_ok=True)
