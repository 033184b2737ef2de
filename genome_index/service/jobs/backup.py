"""A copy of a service's folder while the service runs: every job in it has the sequence that it needs.

Sequences are written before their job is accepted, never changed, and deleted after the end of their job has
been committed. So most are copied while all goes on; for the few that came meanwhile the database is held
still, and the state of that moment is what is copied. To restore, copy the folder back and start the service.
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
from genome_index.service.jobs.database import FILE, changing, connect, storage_errors
from genome_index.service.jobs.uploads import FOLDER, path_of
from genome_index.service.settings import Limits

FEW_BYTES = 16_000_000  # copied in well under a second, for which the service can be held still
MOST_ROUNDS = 20  # of copying what came during the round before


@dataclass(frozen=True)
class Backup:
    """What a copy holds."""

    jobs: int
    sequences: int  # of jobs that wait, run, wait for pictures, or keep theirs
    missing: tuple[str, ...] = ()  # jobs whose sequence was not there: the service will say so as well


def require_service(data: Path) -> None:
    """Raise UsageError where a folder is not a service's."""
    if not (data / FILE).is_file():
        raise UsageError(
            f"no service has its jobs in {data} (no {FILE} there); give the --data of `gindex serve`"
        )


def backup(data: Path, out: Path) -> Backup:
    """Copy a service's folder to `out`, which comes to be whole or not at all.

    Raises
    ------
    UsageError
        `data` is not a service's folder, or `out` exists.
    StorageError
    """
    require_service(data)
    if out.exists():
        raise UsageError(f"{out} is there already; give a folder that is not")
    work = new_folder(out)
    try:
        done = _copied(data, work, out)
        finish_folder(work, out)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)  # it may be what filled the disk
        raise
    return done


def _copied(data: Path, work: Path, out: Path) -> Backup:
    with disk_errors(out):
        (work / FOLDER).mkdir()
    with closing(connect(data)) as snapshot, storage_errors(data):
        needed = _copy_sequences(data, work, snapshot)
        jobs = _copy_database(snapshot, work / FILE, out)
    with disk_errors(out):
        missing = _keep_only(needed, work / FOLDER)
        shutil.copymode(data / FILE, work / FILE)
        shutil.copymode(data, work)
    return Backup(jobs, len(needed) - len(missing), missing)


def _copy_sequences(data: Path, work: Path, snapshot: sqlite3.Connection) -> set[str]:
    """Copy the sequences that jobs need, and leave `snapshot` at the moment of which that is true.

    Returns the jobs that need theirs.
    """
    with closing(Claims(data, Limits(), "backup")) as claims, closing(connect(data)) as writer:
        for _ in range(MOST_ROUNDS):
            if _copy(claims.with_sequence(), data, work) <= FEW_BYTES:
                break
        with changing(writer):
            needed = claims.with_sequence()
            _copy(needed, data, work)
            snapshot.execute("BEGIN")
            snapshot.execute("SELECT count(*) FROM jobs").fetchone()  # from here on it sees this state
    return needed


def _copy(jobs: set[str], data: Path, work: Path) -> int:
    """Copy the sequences that have not been copied yet; returns their bytes."""
    size = 0
    with disk_errors(work):
        for job in sorted(jobs):
            target = path_of(work, job)
            if target.exists():
                continue
            try:
                shutil.copy(path_of(data, job), target)
            except FileNotFoundError:
                continue  # its job has ended since
            sync(target)
            size += target.stat().st_size
    return size


def _copy_database(snapshot: sqlite3.Connection, target: Path, out: Path) -> int:
    """Copy the database as `snapshot` sees it, and look whether it is sound; returns how many jobs it has."""
    with closing(sqlite3.connect(target, isolation_level=None)) as copy:
        try:
            copy.execute("PRAGMA synchronous = FULL")
            snapshot.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file; a service makes its log beside it again
        except sqlite3.OperationalError as error:
            raise StorageError(str(out), f"cannot write here ({error})") from error
        [sound] = copy.execute("PRAGMA integrity_check(1)").fetchone()
        if sound != "ok":
            raise StorageError(str(out), f"the database is damaged ({sound}), and so is that of the service")
        return int(copy.execute("SELECT count(*) FROM jobs").fetchone()[0])


def _keep_only(needed: set[str], folder: Path) -> tuple[str, ...]:
    """Remove what was copied of jobs that ended meanwhile; returns the jobs whose sequence there is not."""
    there = {path.name for path in folder.iterdir()}
    for ended in there - needed:
        (folder / ended).unlink()
    sync(folder)
    return tuple(sorted(needed - there))
