"""SQLite file of a service: jobs, answers, figures, changes, API keys. A commit survives a power cut."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from genome_index.errors import StorageError
from genome_index.io.atomic import disk_errors
from genome_index.io.locks import LOCK
from genome_index.service.jobs.private_files import close_to_others

FILE = "service.sqlite"
FILES = (FILE, f"{FILE}-wal", f"{FILE}-shm")
FOLDER = "uploads"
WAIT_S = 30.0  # for another process that writes; a write takes milliseconds
SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    caller TEXT NOT NULL,
    token TEXT, -- the caller's Idempotency-Key
    state TEXT NOT NULL DEFAULT 'queued',
    name TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    inputs INTEGER NOT NULL,
    answered INTEGER NOT NULL DEFAULT 0,
    settings TEXT NOT NULL,
    notes TEXT NOT NULL,
    pictures TEXT NOT NULL,
    problem TEXT,
    worker TEXT,
    attempts INTEGER NOT NULL DEFAULT 0, -- that ended with the death of the worker
    created REAL NOT NULL,
    started REAL,
    finished REAL,
    expires REAL,
    UNIQUE (caller, token)
);
CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state, number);
CREATE INDEX IF NOT EXISTS jobs_by_caller ON jobs (caller, started);
CREATE TABLE IF NOT EXISTS digests ( -- of the sequences; jobs of services before 0.3 have none
    job TEXT PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
    sha256 TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS answers (
    job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    call TEXT NOT NULL,
    PRIMARY KEY (job, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pictures (
    job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    painting TEXT,
    portrait_light BLOB,
    portrait_dark BLOB,
    PRIMARY KEY (job, number)
);
CREATE TABLE IF NOT EXISTS changes (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    caller TEXT NOT NULL,
    action TEXT NOT NULL,
    wish TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'queued',
    done TEXT NOT NULL DEFAULT '[]',
    problem TEXT,
    created REAL NOT NULL,
    finished REAL
);
CREATE TABLE IF NOT EXISTS keys (
    name TEXT PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    admin INTEGER NOT NULL,
    created TEXT NOT NULL
);
"""


def connect(data: Path) -> sqlite3.Connection:
    """A connection to the database, which is created if it is missing; each statement commits by itself.

    `changing` makes a transaction of several statements. Only the user of the service may read its folder.

    Raises
    ------
    StorageError
    """
    with disk_errors(data):
        _make_private(data)
    with storage_errors(data):
        connection = sqlite3.connect(data / FILE, WAIT_S, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # a committed job survives a power cut
        connection.execute("PRAGMA foreign_keys = ON")
        connection.executescript(SCHEMA)
    return connection


def _make_private(data: Path) -> None:
    """Make the folder and its database for their user alone; a folder with files of others stays as it is.

    SQLite gives the write-ahead log the rights of the database.
    """
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (data / FILE).exists():
        (data / FILE).touch(mode=0o600)
    if {LOCK, FOLDER, *FILES}.issuperset(os.listdir(data)):
        close_to_others(data)
    for name in (FOLDER, *FILES):
        with suppress(FileNotFoundError):  # not made yet, or the last connection was closed
            close_to_others(data / name)


@contextmanager
def changing(connection: sqlite3.Connection) -> Iterator[None]:
    """One transaction, committed as a whole or rolled back; other writers wait from its beginning."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


@contextmanager
def storage_errors(data: Path) -> Iterator[None]:
    """Turn SQLite's errors about a full, damaged or read-only disk into a StorageError."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise StorageError(str(data / FILE), f"cannot write here ({error})") from error
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError):
            raise
        raise StorageError(str(data / FILE), f"is damaged ({error}); restore it from a backup") from error
