"""An index: a folder that is complete at any moment, and its current snapshot opened for reading.

    INDEX/CURRENT                the snapshot that readers open, and those to go back to: snapshots.py
    INDEX/snapshots/000007/      manifest.json (last), catalog.duckdb, vectors.faiss, kmers.*.npy ...
    INDEX/segments/NAME/         data of some hundred genomes each; written once, shared by snapshots
    INDEX/staging/NAME/          bases of genomes that an unfinished change still needs
    INDEX/maps/                  cached maps of the collection; may be deleted
    INDEX/fragments/             cached calibration of fragment calls; may be deleted
    INDEX/kmers/                 cached inverted index of a snapshot of an older gindex; may be deleted
    INDEX/lock                   held by the one process that writes

A change writes a new snapshot beside the others and then moves the pointer. If it is killed before that, the
last snapshot is unchanged, and the next run takes over the finished segments. Everything else that a killed
process leaves has a name that starts with a dot; the next change removes it.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np

from genome_index.encoders import whole_path
from genome_index.errors import IndexDamaged, IndexNotFound, UnusableIndex, UsageError
from genome_index.index.calibration.model import Model, load_pairs
from genome_index.index.contents import Contents
from genome_index.index.snapshots import (
    CATALOG,
    Snapshot,
    current_snapshot,
    history,
    read_snapshot,
    snapshot_folder,
    write_pointer,
)
from genome_index.index.store.catalog import Catalog
from genome_index.index.store.kmer_cache import cached
from genome_index.index.store.kmer_index import FILES, KmerIndex, kmer_files
from genome_index.index.store.pair_table import PairTable
from genome_index.index.store.references import References, locator
from genome_index.index.store.segments import Segment
from genome_index.index.vectors.vector_rows import is_vector_rows
from genome_index.io.checksums import damage_of, size_damage_of
from genome_index.io.locks import hold, locked
from genome_index.records import Entry, InterleavedNames, Suspect, counted
from genome_index.spec import IndexSpec

REFIT_SHARE = 0.10  # of the fitted genomes; with more changes accuracy falls: tests/bench/RESULTS.md


class _Hold:
    """A lock that keeps a snapshot on disk until the last index that has it is gone."""

    def __init__(self, handle: int) -> None:
        weakref.finalize(self, os.close, handle)


class Index:
    """One snapshot of an index, opened for reading; later changes of the index do not affect it."""

    def __init__(self, path: Path, snapshot: Snapshot, handle: int | None = None) -> None:
        self.path, self.snapshot = path, snapshot
        self._verified: set[str] = set()  # files whose checksum has been compared
        self._hold = None if handle is None else _Hold(handle)

    @classmethod
    def open(cls, path: str | Path, model: str = "") -> Self:
        """Open the current snapshot, which stays on disk for as long as this object lives.

        `model` is the present folder of the index's language model, if it has moved; it must be the same one.

        Raises
        ------
        IndexNotFound, IndexDamaged, SpecMismatch
        UsageError
            `model` is given, but the index has no language model.
        """
        path = Path(path)
        number = current_snapshot(path)
        while number is not None:
            handle = hold(snapshot_folder(path, number))
            before, number = number, current_snapshot(path)
            if number == before:  # the snapshot was not pruned before the hold
                snapshot = read_snapshot(path, number)
                return cls(path, _moved(snapshot, model, path) if model else snapshot, handle)
            if handle is not None:
                os.close(handle)
        raise IndexNotFound(str(path))

    def refresh(self) -> None:
        """Turn this object to the current snapshot, as if it were opened again."""
        model = self.snapshot.spec.model if self.snapshot.spec.reading else ""
        self.__dict__ = type(self).open(self.path, model).__dict__

    @property
    def folder(self) -> Path:
        return snapshot_folder(self.path, self.snapshot.number)

    @property
    def spec(self) -> IndexSpec:
        return self.snapshot.spec

    @cached_property
    def model(self) -> Model:
        for name in self.snapshot.files:
            if is_vector_rows(name):  # it is mapped
                self._sized_file(name)
            elif name not in kmer_files([name]):
                self._file(name)
        return Model.load(self.folder)

    @cached_property
    def catalog(self) -> Catalog:
        return Catalog(self._file(CATALOG))

    @cached_property
    def references(self) -> References:
        return References(self.spec, locator(self.catalog), self.path / "segments")

    @cached_property
    def kmers(self) -> KmerIndex:
        """The inverted index of the k-mers; use it with `model.live`, because removed genomes stay in it.

        Its files are large, and are mapped: only `gindex check` compares their checksums. A damaged one could
        hide a candidate; what is measured of a candidate comes from its sketch, which is always checked.
        """
        if set(self.snapshot.files) >= FILES:
            for name in kmer_files(self.snapshot.files):
                self._sized_file(name)
            return KmerIndex.load(self.folder)
        rows = np.flatnonzero(self.model.live)
        self.prefetch(rows.tolist())
        name = f"{self.snapshot.number:06d}-{self.snapshot.fingerprint}"
        return cached(self.path / "kmers" / name, lambda: KmerIndex.build(self.references, rows))

    def entry(self, row: int) -> Entry:
        return self.catalog[row]

    def prefetch(self, rows: Sequence[int]) -> None:
        """Read the catalogue's entries of many rows at once."""
        self.catalog.prefetch(rows)

    @cached_property
    def suspects(self) -> Mapping[int, tuple[Suspect, ...]]:
        """Row -> findings about that genome; empty in an index of a gindex that did not search suspects."""
        suspects: dict[int, tuple[Suspect, ...]] = {}
        for suspect in self.catalog.suspects() or ():
            suspects[suspect.row] = (*suspects.get(suspect.row, ()), suspect)
        return suspects

    @cached_property
    def interleaved(self) -> tuple[InterleavedNames, ...]:
        """Pairs of names that look like one; empty in an index of a gindex that did not search them."""
        return tuple(self.catalog.interleaved_names() or ())

    def contents(self) -> Contents:
        """The whole content, with entries and pairs read."""
        entries = {entry.row: entry for entry in self.catalog.entries()}
        return Contents(self.spec, self.model, self.references, self.pairs(), entries, self.kmers)

    def pairs(self) -> PairTable:
        self._file("references.npz")
        return load_pairs(self.folder)

    def _file(self, name: str) -> Path:
        """The path of a file of this snapshot, whose checksum is compared before it is first read."""
        path = self.folder / name
        if name not in self._verified:
            self._require(path, damage_of(path, self.snapshot.files[name]))
            self._verified.add(name)
        return path

    def _sized_file(self, name: str) -> None:
        """Compare the size alone of a file that is mapped."""
        self._require(self.folder / name, size_damage_of(self.folder / name, self.snapshot.files[name]))

    @staticmethod
    def _require(path: Path, complaint: str) -> None:
        if complaint:
            raise IndexDamaged(str(path), complaint)

    def damage(self) -> list[str]:
        """A sentence for every file that is missing or differs from its checksum."""
        damage = [
            f"{self.folder / name}: {complaint}"
            for name, expected in self.snapshot.files.items()
            if (complaint := damage_of(self.folder / name, expected))
        ]
        if damage:
            return damage
        for name in sorted(self.catalog.segments()):
            folder = self.path / "segments" / name
            damage += Segment(folder).damage() if folder.is_dir() else [f"{folder}: missing"]
        return damage + self._pool_damage()

    def _pool_damage(self) -> list[str]:
        reading = self.spec.reading
        if reading is None or reading.pool_file is None:
            return []
        path = self.path / reading.pool_file
        if not path.exists():
            return [f"{path}: missing"]
        return [] if reading.is_fitted_pool(path.read_bytes()) else [f"{path}: does not match its checksum"]

    def due(self) -> list[str]:
        """Maintenance that the index is due for, as sentences."""
        if self.snapshot.changed <= REFIT_SHARE * self.snapshot.fitted:
            return []
        return [
            f"{self.path}: {counted(self.snapshot.changed)} changed since projection and calibration "
            f"were fitted on {self.snapshot.fitted:,}; run `gindex refit`"
        ]


@contextmanager
def writing(path: Path, wait_s: float = 60.0, new: bool = False) -> Iterator[None]:
    """Hold the lock of an index, to change it; with `new` there need not be an index yet."""
    if not new and current_snapshot(path) is None:
        raise IndexNotFound(str(path))
    with locked(path, wait_s):
        yield


def undo(path: Path, wait_s: float = 60.0) -> Index:
    """Go back to the snapshot before the current one; snapshots that cannot be read are skipped."""
    with writing(path, wait_s):
        current, *back = history(path)
        while back and not _is_readable(path, back[0]):
            back = back[1:]
        if not back:
            snapshot = read_snapshot(path, current)
            raise UsageError(
                f"{path}: nothing to undo: snapshot {current} ({snapshot.action}) is the oldest one"
            )
        write_pointer(path, back)
        return Index.open(path)


def _is_readable(path: Path, number: int) -> bool:
    try:
        read_snapshot(path, number)
    except UnusableIndex:
        return False
    return True


def _moved(snapshot: Snapshot, model: str, path: Path) -> Snapshot:
    """The same snapshot with its language model in another folder."""
    if snapshot.spec.reading is None:
        raise UsageError(
            f"--model {model}: {path} has no language model, its encoder is {snapshot.spec.encoder}"
        )
    return replace(snapshot, spec=replace(snapshot.spec, model=whole_path(model)))
