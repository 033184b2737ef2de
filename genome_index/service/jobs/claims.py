"""Job queue as the workers see it: claim jobs, store answers and figures, release jobs of dead workers."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection, Sequence
from pathlib import Path

from genome_index.service.jobs.database import changing, connect, storage_errors
from genome_index.service.jobs.queue import TURNS, Job, job_of
from genome_index.service.jobs.stored_calls import current_call
from genome_index.service.settings import Limits

MOST_JOBS = 32  # in one claim
MOST_BYTES = 4_000_000  # in one claim of several jobs; a larger job is claimed alone, others would wait
MOST_ATTEMPTS = 3


class Claims:
    """The jobs of a service, as the worker of this name sees them."""

    def __init__(self, data: Path, limits: Limits, worker: str) -> None:
        self.data, self.limits, self.worker, self._db = data, limits, worker, connect(data)

    def claim(self, without: Collection[str] = ()) -> list[Job]:
        """Mark the next jobs as this worker's and return them; jobs of the callers in `without` stay queued.

        A job that was running when a worker died is claimed alone.
        """
        if not self._db.execute("SELECT 1 FROM jobs WHERE state = 'queued' LIMIT 1").fetchone():
            return []
        marks = ", ".join("?" * len(without))
        with storage_errors(self.data), changing(self._db):
            turns = self._db.execute(
                f"{TURNS} WHERE caller NOT IN ({marks}) ORDER BY position LIMIT {MOST_JOBS}", tuple(without)
            ).fetchall()
            ids = _one_claim(turns)
            self._db.executemany(
                "UPDATE jobs SET state = 'running', worker = ?, started = ? WHERE id = ?",
                [(self.worker, time.time(), job) for job in ids],
            )
        rows = [self._db.execute("SELECT * FROM jobs WHERE id = ?", (job,)).fetchone() for job in ids]
        return [job_of(row, None) for row in rows if row is not None]

    def answer(self, answers: Sequence[tuple[str, Sequence[str], bool]]) -> set[str]:
        """Store further answers of jobs in one transaction: id, calls as JSON, whether they are the last.

        Returns the ids of jobs that were not deleted and are still this worker's.
        """
        with storage_errors(self.data), changing(self._db):
            return {job for job, calls, last in answers if self._answered(job, calls, last)}

    def _answered(self, job: str, calls: Sequence[str], last: bool) -> bool:
        row = self._db.execute(
            "SELECT answered FROM jobs WHERE id = ? AND state = 'running' AND worker = ?", (job, self.worker)
        ).fetchone()
        if row is None:
            return False
        start = row["answered"]
        rows = [(job, number, call) for number, call in enumerate(calls, start)]
        self._db.executemany("INSERT INTO answers (job, number, call) VALUES (?, ?, ?)", rows)
        self._db.execute("UPDATE jobs SET answered = ? WHERE id = ?", (start + len(calls), job))
        if last:
            self._finish(job, "done", None)
        return True

    def fail(self, job: str, sentence: str) -> None:
        """End a running job as failed."""
        with storage_errors(self.data), changing(self._db):
            self._finish(job, "failed", sentence)

    def _finish(self, job: str, state: str, problem: str | None) -> None:
        now = time.time()
        self._db.execute(
            "UPDATE jobs SET state = ?, problem = ?, worker = NULL, finished = ?, expires = ?,"
            " inputs = CASE WHEN ? = 'done' THEN answered ELSE inputs END,"
            " pictures = CASE WHEN ? = 'done' OR pictures = 'none' THEN pictures ELSE 'dropped' END"
            " WHERE id = ? AND state = 'running'",
            (state, problem, now, now + self.limits.kept_s, state, state, job),
        )

    # -- figures ---------------------------------------------------------------------------------------------

    def claim_pictures(self) -> Job | None:
        """Mark the smallest finished job that waits for figures as this worker's, and return it."""
        waiting = "SELECT * FROM jobs WHERE pictures = 'pending' AND state = 'done' AND worker IS NULL"
        if not self._db.execute(f"{waiting} LIMIT 1").fetchone():
            return None
        with storage_errors(self.data), changing(self._db):
            row = self._db.execute(f"{waiting} ORDER BY inputs, number LIMIT 1").fetchone()
            if row is not None:
                self._db.execute("UPDATE jobs SET worker = ? WHERE id = ?", (self.worker, row["id"]))
        return job_of(row, None) if row is not None else None

    def picture(
        self, job: str, number: int, windows: str | None, compositions: tuple[bytes | None, ...]
    ) -> bool:
        """Store the figures of one answer: windows as JSON, composition light and dark as PNG.

        Returns False if the job was deleted.
        """
        with storage_errors(self.data), changing(self._db):
            if not self._db.execute("SELECT 1 FROM jobs WHERE id = ?", (job,)).fetchone():
                return False
            self._db.execute(
                "INSERT OR REPLACE INTO pictures VALUES (?, ?, ?, ?, ?)",
                (job, number, windows, *compositions),
            )
        return True

    def pictured(self, job: str) -> int:
        """The number of answers of a job with figures; figures are drawn in order."""
        [number] = self._db.execute("SELECT count(*) FROM pictures WHERE job = ?", (job,)).fetchone()
        return int(number)

    def call(self, job: str, number: int) -> str | None:
        """One answer of a job as JSON; None if the job was deleted."""
        query = "SELECT call FROM answers WHERE job = ? AND number = ?"
        row = self._db.execute(query, (job, number)).fetchone()
        return current_call(row["call"]) if row else None

    def leave_pictures(self, job: str) -> None:
        """Give the figures of a job back, so that any worker can draw the next one."""
        with storage_errors(self.data):
            self._db.execute("UPDATE jobs SET worker = NULL WHERE id = ?", (job,))

    def end_pictures(self, job: str, how: str) -> None:
        """Set the final state of the figures of a job: done or dropped."""
        with storage_errors(self.data):
            self._db.execute("UPDATE jobs SET pictures = ?, worker = NULL WHERE id = ?", (how, job))

    # -- supervisor ------------------------------------------------------------------------------------------

    def release(self, worker: str | None, died: bool) -> None:
        """Queue the jobs of a worker again, or of all workers; a job fails after MOST_ATTEMPTS deaths."""
        condition, values = ("worker = ?", (worker,)) if worker else ("worker IS NOT NULL", ())
        with storage_errors(self.data), changing(self._db):
            self._db.execute(
                f"UPDATE jobs SET attempts = attempts + ? WHERE state = 'running' AND {condition}",
                (died, *values),
            )
            hopeless = self._db.execute(
                f"SELECT id FROM jobs WHERE state = 'running' AND attempts >= ? AND {condition}",
                (MOST_ATTEMPTS, *values),
            ).fetchall()
            for row in hopeless:
                self._finish(row["id"], "failed", GIVEN_UP)
            self._db.execute(
                f"UPDATE jobs SET state = 'queued', worker = NULL WHERE state = 'running' AND {condition}",
                values,
            )
            self._db.execute(f"UPDATE jobs SET worker = NULL WHERE {condition}", values)

    def overdue(self, grace_s: float) -> list[tuple[str, str]]:
        """Job and worker of each job that runs longer than the limit and `grace_s`."""
        since = time.time() - self.limits.job_s - grace_s
        rows = self._db.execute(
            "SELECT id, worker FROM jobs WHERE state = 'running' AND started < ?", (since,)
        )
        return [(row["id"], row["worker"]) for row in rows]

    def expire(self) -> None:
        """Delete expired jobs and changes, and return the space of the write-ahead log to the disk."""
        with storage_errors(self.data):
            self._db.execute("DELETE FROM jobs WHERE expires < ?", (time.time(),))
            old = time.time() - self.limits.kept_s
            self._db.execute("DELETE FROM changes WHERE finished < ?", (old,))
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def with_sequence(self) -> set[str]:
        """The ids of jobs and changes whose sequence is still needed, or kept for the caller."""
        rows = self._db.execute(
            "SELECT id FROM jobs WHERE state IN ('queued', 'running')"
            " OR (state = 'done' AND (pictures = 'pending' OR settings ->> '$.keep'))"
        )
        changes = self._db.execute("SELECT id FROM changes WHERE state IN ('queued', 'running')")
        return {row["id"] for row in (*rows, *changes)}

    def close(self) -> None:
        self._db.close()


GIVEN_UP = (
    f"the service stopped {MOST_ATTEMPTS} times while it answered this query, so it does not try again; "
    "send the genomes one by one to find the cause, and report it"
)


def too_slow(limits: Limits) -> str:
    return (
        f"this took longer than {limits.job_s:,.0f} s, the limit for a query; send fewer genomes at once, or "
        "run `gindex query` on them"
    )


def _one_claim(turns: Sequence[sqlite3.Row]) -> list[str]:
    """The ids of the jobs of one claim: the first, and the following ones up to MOST_BYTES together."""
    ids, size = [turns[0]["id"]] if turns else [], turns[0]["size_bytes"] if turns else 0
    if not turns or turns[0]["attempts"]:
        return ids
    for turn in turns[1:]:
        size += turn["size_bytes"]
        if size > MOST_BYTES or turn["attempts"]:
            break
        ids.append(turn["id"])
    return ids
