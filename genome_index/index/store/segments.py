"""Segments: the stored data of some hundred genomes each, in folders that are written once, never changed.

Each genome has one blob of every kind (its spectrum, its sketches ...). `segment.json` is written last; a
folder without it is not a segment.
"""

from __future__ import annotations

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

from genome_index.errors import IndexDamaged
from genome_index.io.atomic import disk_errors, finish_folder, new_folder, write_file
from genome_index.io.checksums import damage_of, described, json_object, sealed, unsealed

MANIFEST = "segment.json"
OFFSETS = np.dtype([("end", "<u8"), ("crc", "<u4")])


def write_segment(
    final: Path, genomes: Sequence[Mapping[str, Any]], blobs: Mapping[str, Sequence[bytes]]
) -> None:
    """Write a new segment: `genomes` are its JSON rows, `blobs[kind][i]` is of genome i."""
    if is_whole(final):
        return  # its name says its content: a run that was killed later has written it
    work = new_folder(final)
    with disk_errors(final):
        for kind, rows in blobs.items():
            (work / f"{kind}.bin").write_bytes(b"".join(rows))
            (work / f"{kind}.idx").write_bytes(_offsets(rows).tobytes())
        files = described(work)
    write_file(work / MANIFEST, sealed({"genomes": list(genomes), "kinds": list(blobs), "files": files}))
    finish_folder(work, final)


def copy_segment(source: Path, final: Path) -> None:
    """Copy a segment into another index, unless that has it."""
    if is_whole(final):
        return
    work = new_folder(final)
    with disk_errors(final):
        shutil.copytree(source, work, dirs_exist_ok=True)
    for complaint in Segment(work).damage():
        raise IndexDamaged(str(source), f"the copy of it is damaged ({complaint})")
    finish_folder(work, final)


def is_whole(path: Path) -> bool:
    """Whether there is a segment whose files all match their checksums."""
    try:
        return (path / MANIFEST).exists() and not Segment(path).damage()
    except IndexDamaged:
        return False


def _offsets(rows: Sequence[bytes]) -> npt.NDArray[np.void]:
    table = np.empty(len(rows), OFFSETS)
    table["end"] = np.cumsum([len(row) for row in rows])
    table["crc"] = [zlib.crc32(row) for row in rows]
    return table


class Segment:
    """A segment opened for reading; each blob is checked against its checksum when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._open: dict[str, tuple[npt.NDArray[np.void], mmap.mmap | bytes]] = {}

    @cached_property
    def manifest(self) -> dict[str, Any]:
        try:
            return unsealed(json_object((self.path / MANIFEST).read_bytes()))
        except (OSError, ValueError) as error:
            raise IndexDamaged(str(self.path), f"segment cannot be read ({error})") from error

    def blob(self, kind: str, row: int) -> bytes:
        """The blob of genome `row` of this kind."""
        table, content = self._kind(kind)
        if row >= len(table):
            raise IndexDamaged(str(self.path / f"{kind}.bin"), f"cannot be read ({len(table)} entries)")
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
        size, expected = path.stat().st_size, int(table["end"][-1]) if len(table) else 0
        if size != expected:
            raise ValueError(f"{size} bytes, expected {expected}")
        if not size:
            return table, b""
        handle = os.open(path, os.O_RDONLY)
        try:
            return table, mmap.mmap(handle, 0, access=mmap.ACCESS_READ)
        finally:
            os.close(handle)

    def damage(self) -> list[str]:
        """A sentence for every file that is missing or differs from its checksum."""
        return [
            f"{self.path / name}: {complaint}"
            for name, expected in self.manifest["files"].items()
            if (complaint := damage_of(self.path / name, expected))
        ]
