"""Backup of a service's folder while the service runs: the copy has the sequence of every job that needs it.

A sequence is written before its job is accepted, never changed, and deleted after the end of the job is
committed. So most sequences are copied while the service works; for the few that arrive meanwhile the
database is locked, and the copy has the state of that moment. To restore, copy the folder back and start the
service.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from genome_index.errors import StorageError, UsageError
from genome_index.io.atomic import disk_errors, finish_folder, new_folder, sync
from genome_index.service.jobs.claims import Claims
from genome_index.service.jobs.database import FILE, FOLDER, changing, connect, storage_errors
from genome_index.service.jobs.private_files import close_to_others, private_file, private_folder
from genome_index.service.jobs.uploads import path_of
from genome_index.service.settings import Limits

FEW_BYTES = 16_000_000  # copied in well under a second, while the database is locked
MOST_ROUNDS = 20  # of copying what arrived during the round before


@dataclass(frozen=True)
class Backup:
    """The contents of a copy."""

    jobs: int
    sequences: int  # of jobs that wait, run, wait for figures, or keep theirs
    missing: tuple[str, ...] = ()  # ids of jobs whose sequence was missing in the service too


def require_service(data: Path) -> None:
    """Raise UsageError if a folder is not the folder of a service."""
    if not (data / FILE).is_file():
        raise UsageError(
            f"{data} is not the folder of a service (no {FILE} in it); give the --data of `gindex serve`"
        )


def backup(data: Path, out: Path) -> Backup:
    """Copy a service's folder to `out`, completely or not at all.

    Raises
    ------
    UsageError
        `data` is not the folder of a service, or `out` exists.
    StorageError
    """
    require_service(data)
    if out.exists():
        raise UsageError(f"{out} exists; give a new folder")
    work = new_folder(out)
    try:
        copied = _copy_to(data, work, out)
        finish_folder(work, out)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)  # it may be what filled the disk
        raise
    return copied


def _copy_to(data: Path, work: Path, out: Path) -> Backup:
    with disk_errors(out):
        private_folder(work)  # before there is anything in it
        private_folder(work / FOLDER)
        private_file(work / FILE).close()
    with closing(connect(data)) as snapshot, storage_errors(data):
        needed = _copy_sequences(data, work, snapshot)
        jobs = _copy_database(snapshot, work / FILE, out)
    with disk_errors(out):
        missing = _keep_only(needed, work / FOLDER)
        shutil.copymode(data / FILE, work / FILE)
        shutil.copymode(data, work)
    return Backup(jobs, len(needed) - len(missing), missing)


def _copy_sequences(data: Path, work: Path, snapshot: sqlite3.Connection) -> set[str]:
    """Copy the sequences that jobs need, and start the transaction of `snapshot` at that moment.

    Returns the ids of the jobs that need their sequence.
    """
    with closing(Claims(data, Limits(), "backup")) as claims, closing(connect(data)) as writer:
        for _ in range(MOST_ROUNDS):
            if _copy(claims.with_sequence(), data, work) <= FEW_BYTES:
                break
        with changing(writer):
            needed = claims.with_sequence()
            _copy(needed, data, work)
            snapshot.execute("BEGIN")
            snapshot.execute("SELECT count(*) FROM jobs").fetchone()  # it sees this state from now on
    return needed


def _copy(jobs: set[str], data: Path, work: Path) -> int:
    """Copy the sequences that are not copied yet; returns their size in bytes."""
    size = 0
    with disk_errors(work):
        for job in sorted(jobs):
            target = path_of(work, job)
            if target.exists():
                continue
            try:
                shutil.copy(path_of(data, job), target)
            except FileNotFoundError:
                continue  # its job has ended meanwhile
            close_to_others(target)
            sync(target)
            size += target.stat().st_size
    return size


def _copy_database(snapshot: sqlite3.Connection, target: Path, out: Path) -> int:
    """Copy the database as `snapshot` sees it, and check the copy; returns the number of jobs."""
    with closing(sqlite3.connect(target, isolation_level=None)) as copy:
        try:
            copy.execute("PRAGMA synchronous = FULL")
            snapshot.backup(copy)
            copy.execute(
                "PRAGMA journal_mode = DELETE"
            )  # one file; a service creates the write-ahead log again
        except sqlite3.OperationalError as error:
            raise StorageError(str(out), f"cannot write here ({error})") from error
        [sound] = copy.execute("PRAGMA integrity_check(1)").fetchone()
        if sound != "ok":
            raise StorageError(
                str(out), f"the copied database is damaged ({sound}), so the database of the service is too"
            )
        return int(copy.execute("SELECT count(*) FROM jobs").fetchone()[0])


def _keep_only(needed: set[str], folder: Path) -> tuple[str, ...]:
    """Delete copied sequences whose job has ended; returns the ids of jobs whose sequence is missing."""
    copied = {path.name for path in folder.iterdir()}
    for ended in copied - needed:
        (folder / ended).unlink()
    sync(folder)
    return tuple(sorted(needed - copied))
