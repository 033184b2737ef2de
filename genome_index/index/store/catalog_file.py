"""Catalogue files of DuckDB, on file systems without locks too: by way of a copy in a temporary folder.

DuckDB locks every file that it opens. Lustre without `-o flock` and NFS without lockd refuse that, but a
catalogue needs no lock: it is written once, and only read from then on.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

FILE = "catalog.duckdb"


def open_catalog(path: Path) -> duckdb.DuckDBPyConnection:
    """A catalogue file, opened for reading; a copy has no name by then, and goes when it is closed."""
    try:
        return duckdb.connect(str(path), read_only=True)
    except duckdb.IOException as error:
        if not _is_without_locks(error):
            raise
    with _copied(path) as copy:
        return duckdb.connect(str(copy), read_only=True)


def attach_catalog(db: duckdb.DuckDBPyConnection, path: Path, name: str) -> None:
    """Attach a catalogue file to a database under a name, for reading."""
    try:
        db.execute(f"ATTACH {_literal(path)} AS {name} (READ_ONLY)")
    except duckdb.IOException as error:
        if not _is_without_locks(error):
            raise
        with _copied(path) as copy:
            db.execute(f"ATTACH {_literal(copy)} AS {name} (READ_ONLY)")


@contextmanager
def new_catalog(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A new catalogue file, opened for writing; the file must not exist."""
    try:
        database = duckdb.connect(str(path))
    except duckdb.IOException as error:
        if not _is_without_locks(error):
            raise
    else:
        with database:
            yield database
        return
    with tempfile.TemporaryDirectory(prefix="gindex-") as folder:
        with duckdb.connect(str(Path(folder, FILE))) as database:
            yield database
        shutil.copyfile(Path(folder, FILE), path)


def _is_without_locks(error: duckdb.Error) -> bool:
    return "Could not set lock" in str(error) and "Conflicting lock" not in str(error)


@contextmanager
def _copied(path: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="gindex-") as folder:
        yield Path(shutil.copyfile(path, Path(folder, FILE)))


def _literal(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
