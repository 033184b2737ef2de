"""Segments: what the index keeps of each genome, in folders that are written once and never changed.

A segment holds some hundred genomes; each genome has one blob in each of the segment's kinds (its spectrum,
its sketches ...). `segment.json` is written last, so a segment without it is not there.
"""

from __future__ import annotations

import json
import mmap
import os
import shutil
import zlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from genome_index.durable import disk_errors, finish_folder, sha256_of, write_file
from genome_index.errors import IndexDamaged

MANIFEST = "segment.json"
OFFSETS = np.dtype([("end", "<u8"), ("crc", "<u4")])


def write_segment(
    final: Path, genomes: Sequence[Mapping[str, Any]], blobs: Mapping[str, Sequence[bytes]]
) -> None:
    """Write a new segment: `genomes` are its JSON rows, `blobs[kind][i]` belongs to genome i."""
    if (final / MANIFEST).exists():
        return  # named by its content: a run that was killed after this step has written it
    work = final.with_name(f".{final.name}.work")
    with disk_errors(final):
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        for kind, rows in blobs.items():
            (work / f"{kind}.bin").write_bytes(b"".join(rows))
            _offsets(rows).tofile(work / f"{kind}.idx")
    files = {
        file.name: {"bytes": file.stat().st_size, "sha256": sha256_of(file)}
        for file in sorted(work.iterdir())
    }
    manifest = {"genomes": list(genomes), "kinds": list(blobs), "files": files}
    write_file(work / MANIFEST, json.dumps(manifest).encode())
    finish_folder(work, final)


def copy_segment(source: Path, final: Path) -> None:
    """The same segment in another index; nothing to do where it is there already."""
    if (final / MANIFEST).exists():
        return
    work = final.with_name(f".{final.name}.work")
    with disk_errors(final):
        shutil.rmtree(work, ignore_errors=True)
        final.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, work)
    finish_folder(work, final)


def _offsets(rows: Sequence[bytes]) -> npt.NDArray[np.void]:
    table = np.empty(len(rows), OFFSETS)
    table["end"] = np.cumsum([len(row) for row in rows])
    table["crc"] = [zlib.crc32(row) for row in rows]
    return table


class Segment:
    """A segment opened for reading; blobs are read when asked for, and checked against their checksums."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._open: dict[str, tuple[npt.NDArray[np.void], mmap.mmap | bytes]] = {}

    @cached_property
    def manifest(self) -> dict[str, Any]:
        try:
            loaded: dict[str, Any] = json.loads((self.path / MANIFEST).read_bytes())
        except (OSError, ValueError) as error:
            raise IndexDamaged(str(self.path), f"segment cannot be read ({error})") from error
        return loaded

    def blob(self, kind: str, row: int) -> bytes:
        """The bytes kept of genome `row` under `kind`."""
        table, content = self._kind(kind)
        start = int(table["end"][row - 1]) if row else 0
        blob = bytes(content[start : int(table["end"][row])])
        if zlib.crc32(blob) != table["crc"][row]:
            raise IndexDamaged(str(self.path / f"{kind}.bin"), f"entry {row} does not match its checksum")
        return blob

    def _kind(self, kind: str) -> tuple[npt.NDArray[np.void], mmap.mmap | bytes]:
        if kind not in self._open:
            try:
                self._open[kind] = self._map(kind)
            except (OSError, ValueError) as error:
                raise IndexDamaged(str(self.path / f"{kind}.bin"), f"cannot be read ({error})") from error
        return self._open[kind]

    def _map(self, kind: str) -> tuple[npt.NDArray[np.void], mmap.mmap | bytes]:
        path = self.path / f"{kind}.bin"
        table = np.fromfile(self.path / f"{kind}.idx", OFFSETS)
        size = path.stat().st_size
        if size != (int(table["end"][-1]) if len(table) else 0):
            raise ValueError(f"{size} bytes, expected {int(table['end'][-1])}")
        if not size:
            return table, b""
        handle = os.open(path, os.O_RDONLY)
        try:
            return table, mmap.mmap(handle, 0, access=mmap.ACCESS_READ)
        finally:
            os.close(handle)

    def damage(self) -> list[str]:
        """Every file that is missing or differs from its checksum, as sentences."""
        found = []
        for name, expected in self.manifest["files"].items():
            path = self.path / name
            if not path.exists():
                found.append(f"{path}: missing")
            elif path.stat().st_size != expected["bytes"]:
                found.append(f"{path}: {path.stat().st_size} bytes, expected {expected['bytes']}")
            elif sha256_of(path) != expected["sha256"]:
                found.append(f"{path}: does not match its checksum")
        return found
