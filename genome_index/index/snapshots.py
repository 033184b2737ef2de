"""Snapshots: which there are, which one readers open, and which are no longer needed.

    INDEX/CURRENT                 numbers, newest first: what readers open, then what undo goes back to
    INDEX/snapshots/000007/       a snapshot; its manifest.json is written last and says what the others are

Pruning, after each change: what CURRENT names stays, and so does what a reader has open. Other snapshots go
(those that were undone and those that grew too old), and segments that no snapshot speaks of go with them.
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
from genome_index.spec import FORMAT, IndexSpec

KEEP_SNAPSHOTS = 5  # the current one and four to go back to
POINTER, MANIFEST, CATALOG = "CURRENT", "manifest.json", "catalog.duckdb"


@dataclass(frozen=True)
class Snapshot:
    """What a snapshot says of itself."""

    number: int
    created: str  # UTC, ISO 8601
    action: str
    spec: IndexSpec
    taxonomy: str  # release, or "" where labels came with the genomes only
    genomes: int
    fitted: int  # genomes projection and calibration were fitted on
    changed: int  # genomes added, removed or relabelled since
    versions: Mapping[str, str]
    files: Mapping[str, Mapping[str, Any]]  # name -> bytes, sha256

    @property
    def fingerprint(self) -> str:
        """12 hex digits that name this state of this index: its settings and all its content."""
        content = {name: values["sha256"] for name, values in self.files.items() if name != CATALOG}
        return hashlib.sha256(
            json.dumps([self.spec.fingerprint(), content], sort_keys=True).encode()
        ).hexdigest()[:12]


def snapshot_folder(path: Path, number: int) -> Path:
    return path / "snapshots" / f"{number:06d}"


def numbers(path: Path) -> list[int]:
    """Every snapshot on disk, in order; not all of them need be whole."""
    folder = path / "snapshots"
    found = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    return sorted(int(name) for name in found if name.isascii() and name.isdigit())


def has_manifest(path: Path, number: int) -> bool:
    return (snapshot_folder(path, number) / MANIFEST).exists()


# -- the pointer ---------------------------------------------------------------------------------------------


def current_snapshot(path: Path) -> int | None:
    """The number that readers open; None where there is no index."""
    return next(iter(history(path)), None)


def history(path: Path) -> tuple[int, ...]:
    """The numbers in CURRENT; none where there is no index. Written by hand, one number is enough."""
    try:
        content = (path / POINTER).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        raise unreadable(path / POINTER, error) from error
    text = content.decode("utf-8", "backslashreplace").strip()
    if not re.fullmatch(r"[0-9]{1,9}(\s+[0-9]{1,9})*", text):
        raise IndexDamaged(
            str(path / POINTER), f"holds {text[:20]!r}, no snapshot number", _pointer_cure(path, "it")
        )
    return tuple(int(number) for number in text.split())


def write_pointer(path: Path, chain: Sequence[int]) -> None:
    """From now on readers open the first of these, and undo goes back to the next."""
    write_file(path / POINTER, " ".join(f"{number:06d}" for number in chain).encode() + b"\n")


def _pointer_cure(path: Path, pointer: str) -> str:
    whole = [number for number in numbers(path) if has_manifest(path, number)]
    return f"Write {whole[-1]:06d} into {pointer}." if whole else "Build the index again."


# -- the manifest --------------------------------------------------------------------------------------------


def write_manifest(work: Path, snapshot: Snapshot) -> None:
    write_file(work / MANIFEST, sealed({"format": FORMAT, **asdict(snapshot)}))


def read_snapshot(path: Path, number: int) -> Snapshot:
    """What a snapshot says of itself, if it still says what was written."""
    manifest = snapshot_folder(path, number) / MANIFEST
    try:
        values = json_object(manifest.read_bytes())
        if values.get("format") != FORMAT:
            raise SpecMismatch(str(path), "format", values.get("format"), FORMAT)
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
    """Remove what no kept snapshot speaks of; the caller holds the lock, so nothing is being written."""
    there, named = numbers(path), history(path)
    kept = {number for number in there if number in named or is_held(snapshot_folder(path, number))}
    remove_folders(path / "snapshots", lambda name: not name.isdigit() or int(name) not in kept)
    remove_folders(path / "staging", lambda name: True)
    try:
        segments = {name for number in kept for name in _segments_of(path, number)}
    except IndexDamaged:
        return  # what it speaks of is not known, so every segment stays until that snapshot has gone
    remove_folders(path / "segments", lambda name: name not in segments)


def _segments_of(path: Path, number: int) -> set[str]:
    with Catalog(snapshot_folder(path, number) / CATALOG) as catalog:
        return catalog.segments()
