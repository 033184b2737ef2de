"""Snapshots: their manifests, the pointer to the current one, and pruning of those no longer needed.

    INDEX/CURRENT                 numbers: the snapshot that readers open, then those that undo goes back to
    INDEX/snapshots/000007/       a snapshot; manifest.json is written last and lists the other files

Pruning, after each change: the snapshots in CURRENT stay, and so do those that a reader has open. Others are
removed (undone ones and old ones), with the segments to which no remaining snapshot refers.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from genome_index.errors import IndexDamaged, SpecMismatch
from genome_index.index.store.catalog import Catalog
from genome_index.io.atomic import remove_folders, write_file
from genome_index.io.checksums import json_object, sealed, unreadable, unsealed
from genome_index.io.locks import is_held
from genome_index.records import counted
from genome_index.spec import FORMAT, READABLE_FORMATS, IndexSpec

KEEP_SNAPSHOTS = 5  # the current one and four for undo
POINTER, MANIFEST, CATALOG = "CURRENT", "manifest.json", "catalog.duckdb"


@dataclass(frozen=True)
class Snapshot:
    """A snapshot as its manifest describes it."""

    number: int
    created: str  # UTC, ISO 8601
    action: str
    spec: IndexSpec
    taxonomy: str  # release, or "" if labels came only from the genomes' own files
    genomes: int
    fitted: int  # genomes on which projection and calibration were fitted
    changed: int  # genomes added, removed or relabelled since
    versions: Mapping[str, str]
    files: Mapping[str, Mapping[str, Any]]  # name -> bytes, sha256

    @property
    def fingerprint(self) -> str:
        """12 hex digits that identify this state of the index: its settings and all its content."""
        content = {name: values["sha256"] for name, values in self.files.items() if name != CATALOG}
        return hashlib.sha256(
            json.dumps([self.spec.fingerprint(), content], sort_keys=True).encode()
        ).hexdigest()[:12]

    @property
    def restored(self) -> str:
        """What is said when an undo has gone back to this snapshot."""
        what = f"{self.action}, {self.created}"
        return f"restored snapshot {self.number} ({what}): {counted(self.genomes)}"


def snapshot_folder(path: Path, number: int) -> Path:
    return path / "snapshots" / f"{number:06d}"


def numbers(path: Path) -> list[int]:
    """The numbers of all snapshots on disk, ascending, whether complete or not."""
    folder = path / "snapshots"
    names = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    return sorted(int(name) for name in names if name.isascii() and name.isdigit())


def has_manifest(path: Path, number: int) -> bool:
    return (snapshot_folder(path, number) / MANIFEST).exists()


# -- the pointer ---------------------------------------------------------------------------------------------


def current_snapshot(path: Path) -> int | None:
    """The number of the snapshot that readers open; None where there is no index."""
    return next(iter(history(path)), None)


def history(path: Path) -> tuple[int, ...]:
    """The numbers in CURRENT, empty where there is no index. Written by hand, one number is enough."""
    try:
        content = (path / POINTER).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        raise unreadable(path / POINTER, error) from error
    text = content.decode("utf-8", "backslashreplace").strip()
    if not re.fullmatch(r"[0-9]{1,9}(\s+[0-9]{1,9})*", text):
        raise IndexDamaged(
            str(path / POINTER),
            f"holds {text[:20]!r}, which is not a snapshot number",
            _pointer_cure(path, "it"),
        )
    return tuple(int(number) for number in text.split())


def write_pointer(path: Path, chain: Sequence[int]) -> None:
    """Set the snapshot that readers open from now on, the first, and those that undo goes back to."""
    write_file(path / POINTER, " ".join(f"{number:06d}" for number in chain).encode() + b"\n")


def _pointer_cure(path: Path, pointer: str) -> str:
    complete = [number for number in numbers(path) if has_manifest(path, number)]
    return f"Write {complete[-1]:06d} into {pointer}." if complete else "Build the index again."


# -- the manifest --------------------------------------------------------------------------------------------


def write_manifest(work: Path, snapshot: Snapshot) -> None:
    write_file(
        work / MANIFEST, sealed({"format": FORMAT, **asdict(snapshot), "spec": snapshot.spec.stored()})
    )


def read_snapshot(path: Path, number: int) -> Snapshot:
    """Read a snapshot's manifest and compare its checksum.

    Raises
    ------
    IndexDamaged
        It is missing, cannot be read, or does not match its checksum.
    SpecMismatch
        Another format of index wrote it.
    """
    manifest = snapshot_folder(path, number) / MANIFEST
    try:
        values = json_object(manifest.read_bytes())
        if (found := values.get("format")) not in READABLE_FORMATS:
            readable = " and ".join(map(str, READABLE_FORMATS))
            sentence = (
                f"its format is {found!r}, and this gindex reads {readable}; use the gindex that wrote it, "
                "or a newer one"
            )
            raise SpecMismatch(str(path), "format", found, FORMAT, sentence)
        values = unsealed(values)
    except FileNotFoundError as error:
        raise IndexDamaged(str(manifest), "missing", _pointer_cure(path, str(path / POINTER))) from error
    except OSError as error:
        raise unreadable(manifest, error) from error
    except ValueError as error:
        raise IndexDamaged(str(manifest), str(error)) from error
    spec = IndexSpec.from_json(values["spec"], str(path))
    return Snapshot(
        spec=spec, **{field.name: values[field.name] for field in fields(Snapshot) if field.name != "spec"}
    )


# -- pruning -------------------------------------------------------------------------------------------------


def prune(path: Path) -> None:
    """Remove snapshots and segments that are no longer needed; the caller holds the lock."""
    current = history(path)
    needed = {
        number for number in numbers(path) if number in current or is_held(snapshot_folder(path, number))
    }
    remove_folders(path / "snapshots", lambda name: not name.isdigit() or int(name) not in needed)
    remove_folders(path / "staging", lambda name: True)
    remove_folders(path / "kmers", lambda name: _number_of(name) not in needed)
    try:
        segments = {name for number in needed for name in _segments_of(path, number)}
    except IndexDamaged:
        return  # its segments are unknown, so every segment stays until that snapshot is gone
    remove_folders(path / "segments", lambda name: name not in segments)


def _number_of(name: str) -> int:
    """The snapshot of a cached result, by its name; -1 if it is of none."""
    number = name.partition("-")[0]
    return int(number) if number.isdigit() else -1


def _segments_of(path: Path, number: int) -> set[str]:
    with Catalog(snapshot_folder(path, number) / CATALOG) as catalog:
        return catalog.segments()
