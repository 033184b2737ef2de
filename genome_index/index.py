"""Index: a folder that is always whole.

    INDEX/CURRENT                the number of the snapshot that readers open
    INDEX/snapshots/000007/      manifest.json (last), catalog.duckdb, vectors.faiss, references.npz ...
    INDEX/segments/NAME/         what is kept of some hundred genomes each; written once, shared by snapshots
    INDEX/staging/NAME/          bases of genomes that an unfinished change still needs
    INDEX/lock                   held by the one process that writes

A change writes a new snapshot beside the others and then moves the pointer. Killed before that, it leaves
the last snapshot as it was, and its finished segments to be taken over by the next try.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

from genome_index.catalog import Catalog, Entry, Event, write_catalog
from genome_index.durable import disk_errors, finish_folder, sha256_of, write_file
from genome_index.errors import IndexDamaged, IndexLocked, IndexNotFound, SpecMismatch, UsageError
from genome_index.model import Model, load_pairs
from genome_index.pairs import PairTable
from genome_index.references import References, locator
from genome_index.segments import Segment
from genome_index.spec import FORMAT, IndexSpec

KEEP_SNAPSHOTS = 5  # the current one and four to go back to; older ones are pruned after a change
POINTER, MANIFEST, LOCK = "CURRENT", "manifest.json", "lock"
LIBRARIES = ("numpy", "faiss-cpu", "duckdb", "pyskani")


@dataclass(frozen=True)
class Snapshot:
    """What a snapshot says of itself."""

    number: int
    parent: int | None  # where `undo` goes
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
        import hashlib

        content = {name: values["sha256"] for name, values in self.files.items() if name != "catalog.duckdb"}
        return hashlib.sha256(
            json.dumps([self.spec.fingerprint(), content], sort_keys=True).encode()
        ).hexdigest()[:12]


class Index:
    """One snapshot of an index, opened for reading; a change made meanwhile is not seen and does no harm."""

    def __init__(self, path: Path, snapshot: Snapshot) -> None:
        self.path, self.snapshot = path, snapshot

    @classmethod
    def open(cls, path: str | Path) -> Index:
        """Open the current snapshot.

        Raises
        ------
        IndexNotFound, IndexDamaged, SpecMismatch
        """
        path = Path(path)
        number = current_snapshot(path)
        if number is None:
            raise IndexNotFound(str(path))
        return cls(path, read_snapshot(path, number))

    @property
    def folder(self) -> Path:
        return snapshot_folder(self.path, self.snapshot.number)

    @property
    def spec(self) -> IndexSpec:
        return self.snapshot.spec

    @cached_property
    def model(self) -> Model:
        self._check_files()
        return Model.load(self.folder)

    @cached_property
    def catalog(self) -> Catalog:
        return Catalog(self.folder / "catalog.duckdb")

    @cached_property
    def references(self) -> References:
        def locate(row: int) -> tuple[str, int, int, str, str]:
            entry = self.entry(row)
            return entry.segment, entry.segment_row, entry.length_bp, entry.id, entry.sha256

        return References(self.spec, locate, self.path / "segments")

    @cached_property
    def _entries(self) -> dict[int, Entry]:
        return {}

    def entry(self, row: int) -> Entry:
        if row not in self._entries:
            self.prefetch([row])
        return self._entries[row]

    def prefetch(self, rows: Sequence[int]) -> None:
        """Read the catalogue's entries of many rows at once."""
        wanted = [int(row) for row in rows if row >= 0 and int(row) not in self._entries]
        if wanted:
            self._entries.update(self.catalog.entries_at(wanted))

    def pairs(self) -> PairTable:
        return load_pairs(self.folder)

    def _check_files(self) -> None:
        for name, expected in self.snapshot.files.items():
            complaint = damage_of(self.folder / name, expected)
            if complaint:
                raise IndexDamaged(str(self.folder / name), complaint)

    def damage(self) -> list[str]:
        """Every file that is missing or differs from its checksum, as sentences."""
        found = [
            f"{self.folder / name}: {complaint}"
            for name, expected in self.snapshot.files.items()
            if (complaint := damage_of(self.folder / name, expected))
        ]
        if found:
            return found
        for name in sorted(self.catalog.segments()):
            folder = self.path / "segments" / name
            found += Segment(folder).damage() if folder.is_dir() else [f"{folder}: missing"]
        return found

    def due(self) -> list[str]:
        """What the index is due for, as sentences."""
        if self.snapshot.changed <= REFIT_SHARE * self.snapshot.fitted:
            return []
        return [
            f"{self.path}: {self.snapshot.changed:,} genomes changed since projection and calibration "
            f"were fitted on {self.snapshot.fitted:,}; run `gindex refit`"
        ]


REFIT_SHARE = 0.10  # of the fitted; a projection that misses a tenth loses accuracy: tests/bench/RESULTS.md


def damage_of(path: Path, expected: Mapping[str, Any]) -> str:
    """What is wrong with a file, or nothing."""
    if not path.exists():
        return "missing"
    if path.stat().st_size != expected["bytes"]:
        return f"{path.stat().st_size} bytes, expected {expected['bytes']}"
    return "" if sha256_of(path) == expected["sha256"] else "does not match its checksum"


def snapshot_folder(path: Path, number: int) -> Path:
    return path / "snapshots" / f"{number:06d}"


def current_snapshot(path: Path) -> int | None:
    """The number in CURRENT; None where there is no index."""
    try:
        text = (path / POINTER).read_text().strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise IndexDamaged(
            str(path / POINTER), f"cannot be read ({error.strerror})", "Make it readable."
        ) from error
    if not text.isdigit():
        raise IndexDamaged(
            str(path / POINTER), f"holds {text[:20]!r}, no snapshot number", _pointer_cure(path)
        )
    return int(text)


def _pointer_cure(path: Path) -> str:
    whole = sorted(
        folder.name for folder in (path / "snapshots").glob("[0-9]*") if (folder / MANIFEST).exists()
    )
    return f"Write {whole[-1]} into it." if whole else "Build the index again."


def read_snapshot(path: Path, number: int) -> Snapshot:
    manifest = snapshot_folder(path, number) / MANIFEST
    try:
        values = json.loads(manifest.read_bytes())
    except FileNotFoundError as error:
        raise IndexDamaged(str(manifest), "missing", _pointer_cure(path)) from error
    except ValueError as error:
        raise IndexDamaged(str(manifest), f"not JSON ({error})") from error
    if values.get("format") != FORMAT:
        raise SpecMismatch(str(path), "format", values.get("format"), FORMAT)
    known = {
        key: values[key]
        for key in (
            "number",
            "parent",
            "created",
            "action",
            "taxonomy",
            "genomes",
            "fitted",
            "changed",
            "versions",
            "files",
        )
    }
    return Snapshot(spec=IndexSpec.from_json(values["spec"]), **known)


@contextmanager
def writing(path: Path, wait_s: float = 60.0) -> Iterator[None]:
    """Hold the index's lock: one writer at a time, a second one waits and then fails with a sentence."""
    with disk_errors(path):
        path.mkdir(parents=True, exist_ok=True)
        handle = os.open(path / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _take(handle, path, wait_s)
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"process {os.getpid()}, {Path(sys.argv[0]).name} since {_now()}".encode(), 0)
        yield
    finally:
        os.close(handle)  # the kernel lets go of the lock, also when the process is killed


def _take(handle: int, path: Path, wait_s: float) -> None:
    end = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                holder = os.pread(handle, 200, 0).decode("utf-8", "replace") or "unknown"
                raise IndexLocked(str(path), holder, wait_s) from None
            time.sleep(0.1)
        else:
            return


def commit(
    path: Path, spec: IndexSpec, model: Model, pairs: PairTable, entries: Sequence[Entry],
    events: Sequence[Event], failures: Sequence[tuple[str, str, str]], taxonomy: str, changed: int,
    action: str, parent: int | None,
) -> Index:  # fmt: skip
    """Write a new snapshot and move the pointer to it; the caller holds the lock."""
    number = max([0, *_numbers(path)]) + 1
    work = path / "snapshots" / f".{number:06d}.work"
    event = Event(len(events) + 1, _now(), action, f"{len(entries)} genomes")
    with disk_errors(path):
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        model.save(work, pairs)
        write_catalog(work / "catalog.duckdb", entries, [*events, event], failures)
        files = {
            file.name: {"bytes": file.stat().st_size, "sha256": sha256_of(file)}
            for file in sorted(work.iterdir())
        }
    versions = {"gindex": metadata.version("gindex"), **{name: metadata.version(name) for name in LIBRARIES}}
    snapshot = Snapshot(
        number, parent, _now(), action, spec, taxonomy, len(entries), model.fitted, changed, versions, files
    )
    values = {"format": FORMAT, **asdict(snapshot), "files": files, "versions": versions}
    write_file(work / MANIFEST, json.dumps(values, indent=1).encode())
    finish_folder(work, snapshot_folder(path, number))
    write_file(path / POINTER, f"{number:06d}\n".encode())
    prune(path)
    return Index(path, snapshot)


def prune(path: Path) -> None:
    """Remove what no kept snapshot speaks of: old snapshots, segments, staged bases, half-written folders."""
    current = current_snapshot(path)
    kept: list[int] = []
    while (
        current is not None
        and len(kept) < KEEP_SNAPSHOTS
        and (snapshot_folder(path, current) / MANIFEST).exists()
    ):
        kept.append(current)
        current = read_snapshot(path, current).parent
    segments = set()
    for number in kept:
        with Catalog(snapshot_folder(path, number) / "catalog.duckdb") as catalog:
            segments |= catalog.segments()
    _remove(path / "snapshots", lambda name: not name.isdigit() or int(name) not in kept)
    _remove(path / "segments", lambda name: name not in segments)
    _remove(path / "staging", lambda name: True)


def _remove(folder: Path, gone: Callable[[str], bool]) -> None:
    for entry in sorted(folder.iterdir()) if folder.is_dir() else []:
        if gone(entry.name):
            shutil.rmtree(entry)


def undo(path: Path, wait_s: float = 60.0) -> Index:
    """Go back to the snapshot before the current one."""
    with writing(path, wait_s):
        current = Index.open(path).snapshot
        if current.parent is None or not (snapshot_folder(path, current.parent) / MANIFEST).exists():
            raise UsageError(
                f"{path}: nothing to undo: snapshot {current.number} ({current.action}) "
                "is the oldest that is kept"
            )
        write_file(path / POINTER, f"{current.parent:06d}\n".encode())
        return Index.open(path)


def _numbers(path: Path) -> list[int]:
    folder = path / "snapshots"
    return [int(entry.name) for entry in folder.iterdir() if entry.name.isdigit()] if folder.is_dir() else []


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def references_of(path: Path, spec: IndexSpec, entries: Sequence[Entry]) -> References:
    """What is kept of genomes that no snapshot speaks of yet, staged bases included."""
    staged = path / "staging"
    return References(spec, locator(entries), path / "segments", staged if staged.is_dir() else None)
