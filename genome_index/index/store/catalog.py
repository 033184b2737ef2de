"""The catalogue, a DuckDB file: the genome of each row, its taxonomy and labels, and the index's history.

Each snapshot has its own catalogue file, which any number of readers open read-only: DuckDB allows one writer
or many readers of a file, so a change writes a new file.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, fields
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb
import numpy as np

from genome_index.errors import IndexDamaged, StorageError
from genome_index.index.store.catalog_file import new_catalog, open_catalog
from genome_index.records import RANKS, Entry, Event, InterleavedNames, Lineage, Suspect, Taxon

SCHEMA = f"""
CREATE TABLE genomes (
  row INTEGER PRIMARY KEY,          -- position in vectors.faiss
  id VARCHAR UNIQUE NOT NULL,
  segment VARCHAR NOT NULL,         -- folder under segments/, and the row in it
  segment_row INTEGER NOT NULL,
  length_bp BIGINT NOT NULL,
  contigs INTEGER NOT NULL,
  molecule VARCHAR NOT NULL,        -- prokaryote, virus, organelle, plasmid or other: whose priors it uses
  sha256 VARCHAR NOT NULL,          -- of the upper-case contigs
  source VARCHAR NOT NULL,
  {", ".join(f'"{rank}" VARCHAR' for rank in RANKS)},
  labels VARCHAR NOT NULL           -- JSON object: columns of the taxonomy that are no rank
);
CREATE TABLE events (number INTEGER, moment VARCHAR, action VARCHAR, detail VARCHAR);
CREATE TABLE failures (id VARCHAR, source VARCHAR, reason VARCHAR);
"""
SUSPECTS = """
CREATE TABLE suspects (
  row INTEGER NOT NULL,             -- of the genome that should be looked at, and its id
  id VARCHAR NOT NULL,
  kind VARCHAR NOT NULL,            -- label, mixture, contigs, length, GC or letters
  says VARCHAR NOT NULL,            -- what its label says, or what is usual
  looks_like VARCHAR NOT NULL,
  evidence VARCHAR NOT NULL,        -- one sentence
  witness VARCHAR,                  -- id of the genome it looks like, or has a part of
  share DOUBLE                      -- how large that part is, 0 to 1
);
"""
INTERLEAVED = """
CREATE TABLE interleaved_names (
  rank VARCHAR NOT NULL,            -- species or genus
  name VARCHAR NOT NULL,            -- two names whose genomes are as near to each other as to their own
  other VARCHAR NOT NULL,
  genomes INTEGER NOT NULL,         -- of the first name
  others INTEGER NOT NULL,          -- of the other one
  ani DOUBLE NOT NULL               -- percent, of genomes to the nearest of the other name, in the median
);
"""

COLUMNS = (
    "row, id, segment, segment_row, length_bp, contigs, molecule, sha256, source, "
    + ", ".join(f'"{rank}"' for rank in RANKS)
    + ", labels"
)


class Catalog:
    """One catalogue file, read-only. Use as a context manager, or `close` it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: dict[int, Entry] = {}
        with _reading(path):
            self._db = open_catalog(path)
            self._db.execute("SET threads = 1")  # some thousand rows: threads cost more than they save

    def __enter__(self) -> Catalog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._db.close()

    def __len__(self) -> int:
        [(count,)] = self._rows("SELECT count(*) FROM genomes")
        return int(count)

    def __getitem__(self, row: int) -> Entry:
        """The entry of a row; entries read once are cached."""
        self.prefetch([row])
        return self._known[row]

    def prefetch(self, rows: Iterable[int]) -> None:
        """Read the entries of many rows at once; row -1 stands for no genome."""
        wanted = [row for row in rows if row >= 0 and row not in self._known]
        if wanted:
            self._known.update(self.entries_at(wanted))

    def entries(self) -> list[Entry]:
        """Every genome, by row; read once, because the file never changes."""
        return list(self._all)

    @cached_property
    def _all(self) -> tuple[Entry, ...]:
        entries = self._entries(f"SELECT {COLUMNS} FROM genomes ORDER BY row")
        self._known.update((entry.row, entry) for entry in entries)
        return tuple(entries)

    def entries_at(self, rows: Iterable[int]) -> dict[int, Entry]:
        """Row -> entry, of the rows that have one."""
        entries = self._entries(
            f"SELECT {COLUMNS} FROM genomes WHERE row IN (SELECT unnest(?))",
            [sorted({int(row) for row in rows})],
        )
        return {entry.row: entry for entry in entries}

    def find(self, ids: Sequence[str]) -> dict[str, Entry]:
        """Id -> entry, of the ids that are in the index."""
        entries = self._entries(f"SELECT {COLUMNS} FROM genomes WHERE id IN (SELECT unnest(?))", [list(ids)])
        return {entry.id: entry for entry in entries}

    def rows_of_sequence(self, sha256: str) -> list[int]:
        """The rows of genomes with exactly this sequence (Genome.sha256)."""
        return [row for (row,) in self._rows("SELECT row FROM genomes WHERE sha256 = ?", [sha256])]

    def segments(self) -> set[str]:
        return {row[0] for row in self._rows("SELECT DISTINCT segment FROM genomes")}

    def events(self) -> list[Event]:
        return [Event(*row) for row in self._rows("SELECT * FROM events ORDER BY number")]

    def failures(self) -> list[tuple[str, str, str]]:
        return [(row[0], row[1], row[2]) for row in self._rows("SELECT * FROM failures")]

    def suspects(self) -> list[Suspect] | None:
        """Genomes in which something looks wrong; None in an index of a gindex that did not search them."""
        if not self._has("suspects"):
            return None
        names = ", ".join(field.name for field in fields(Suspect))
        return [Suspect(*row) for row in self._rows(f"SELECT {names} FROM suspects ORDER BY rowid")]

    def interleaved_names(self) -> list[InterleavedNames] | None:
        """Pairs of names that look like one; None in an index of a gindex that did not search them."""
        if not self._has("interleaved_names"):
            return None
        names = ", ".join(field.name for field in fields(InterleavedNames))
        rows = self._rows(f"SELECT {names} FROM interleaved_names ORDER BY rowid")
        return [InterleavedNames(*row) for row in rows]

    def _has(self, table: str) -> bool:
        return bool(self._rows("SELECT 1 FROM duckdb_tables() WHERE table_name = ?", [table]))

    def _entries(self, query: str, values: list[Any] | None = None) -> list[Entry]:
        return [_entry(row) for row in self._rows(query, values)]

    def _rows(self, query: str, values: list[Any] | None = None) -> list[tuple[Any, ...]]:
        with _reading(self.path):
            return self._db.execute(query, values or []).fetchall()


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        raise IndexDamaged(str(path), f"DuckDB cannot read it ({str(error).splitlines()[0]})") from error


DISK_REASONS = tuple(
    os.strerror(number)
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO)
)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Translate DuckDB's errors that are the disk's; any other is a mistake of gindex and stays."""
    try:
        yield
    except duckdb.Error as error:
        reason = next((reason for reason in DISK_REASONS if reason in str(error)), None)
        if reason is None:
            raise
        raise StorageError(str(path), f"cannot write here ({reason})") from error


def write_catalog(
    path: Path,
    entries: Iterable[Entry],
    events: Iterable[Event],
    failures: Iterable[tuple[str, str, str]],
    suspects: Iterable[Suspect] = (),
    interleaved: Iterable[InterleavedNames] = (),
) -> None:
    """Write a new catalogue file with these rows; the file must not exist."""
    with _writing(path), new_catalog(path) as db:
        db.execute(SCHEMA)
        db.execute(SUSPECTS)
        db.execute(INTERLEAVED)
        _insert(db, "genomes", COLUMNS, [_row(entry) for entry in entries])
        for event in events:
            db.execute(
                "INSERT INTO events VALUES (?, ?, ?, ?)",
                [event.number, event.moment, event.action, event.detail],
            )
        for failure in failures:
            db.execute("INSERT INTO failures VALUES (?, ?, ?)", list(failure))
        names = ", ".join(field.name for field in fields(Suspect))
        _insert(db, "suspects", names, [astuple(suspect) for suspect in suspects])
        names = ", ".join(field.name for field in fields(InterleavedNames))
        _insert(db, "interleaved_names", names, [astuple(pair) for pair in interleaved])
        db.execute("CHECKPOINT")


def _insert(db: duckdb.DuckDBPyConnection, table: str, columns: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows into a table, all at once."""
    if not rows:
        return
    names = [name.strip().strip('"') for name in columns.split(",")]
    values = {
        name: np.array(column, np.int64 if isinstance(column[0], int) else object)
        for name, column in zip(names, zip(*rows, strict=True), strict=True)
    }
    db.register("new_rows", values)
    db.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM new_rows")
    db.unregister("new_rows")


def _row(entry: Entry) -> tuple[Any, ...]:
    names = tuple(entry.lineage.name(rank) for rank in RANKS)
    first = (entry.row, entry.id, entry.segment, entry.segment_row, entry.length_bp, entry.contigs)
    return (*first, entry.molecule, entry.sha256, entry.source, *names, json.dumps(dict(entry.taxon.labels)))


def _entry(values: tuple[Any, ...]) -> Entry:
    row, id_, segment, segment_row, length_bp, contigs, molecule, sha256, source, *names, labels = values
    lineage = Lineage({rank: name for rank, name in zip(RANKS, names, strict=True) if name is not None})
    taxon = Taxon(lineage, json.loads(labels))
    return Entry(row, id_, segment, segment_row, length_bp, contigs, molecule, sha256, source, taxon)
