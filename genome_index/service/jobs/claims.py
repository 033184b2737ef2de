"""The workers' side of the jobs: whose turn it is, what was answered, and what becomes of a dead worker's."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection, Sequence
from pathlib import Path

from genome_index.service.jobs.database import changing, connect, storage_errors
from genome_index.service.jobs.queue import TURNS, Job, job_of
from genome_index.service.settings import Limits

MOST_JOBS = 32  # in one claim
MOST_BYTES = 4_000_000  # in one claim, but a single job may have more: others would wait for it
MOST_ATTEMPTS = 3


class Claims:
    """The jobs of a service, as one worker sees them."""

    def __init__(self, data: Path, limits: Limits, worker: str) -> None:
        self.data, self.limits, self.worker, self._db = data, limits, worker, connect(data)

    def claim(self, besides: Collection[str] = ()) -> list[Job]:
        """The jobs whose turn it is, now this worker's, of callers besides those that are named.

        One that a worker died of comes alone.
        """
        if not self._db.execute("SELECT 1 FROM jobs WHERE state = 'queued' LIMIT 1").fetchone():
            return []
        marks = ", ".join("?" * len(besides))
        with storage_errors(self.data), changing(self._db):
            turns = self._db.execute(
                f"{TURNS} WHERE caller NOT IN ({marks}) ORDER BY position LIMIT {MOST_JOBS}", tuple(besides)
            ).fetchall()
            ids = _together(turns)
            self._db.executemany(
                "UPDATE jobs SET state = 'running', worker = ?, started = ? WHERE id = ?",
                [(self.worker, time.time(), job) for job in ids],
            )
        rows = [self._db.execute("SELECT * FROM jobs WHERE id = ?", (job,)).fetchone() for job in ids]
        return [job_of(row, None) for row in rows if row is not None]

    def answer(self, found: Sequence[tuple[str, Sequence[str], bool]]) -> set[str]:
        """Keep further answers of some jobs (id, calls as JSON, whether those were the last), all or none.

        Returns the jobs that are still wanted: not cancelled, and still this worker's.
        """
        with storage_errors(self.data), changing(self._db):
            return {job for job, calls, last in found if self._answered(job, calls, last)}

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

    # -- pictures --------------------------------------------------------------------------------------------

    def claim_pictures(self) -> Job | None:
        """The smallest finished job whose pictures nobody draws just now; it is this worker's meanwhile."""
        waiting = "SELECT * FROM jobs WHERE pictures = 'pending' AND state = 'done' AND worker IS NULL"
        if not self._db.execute(f"{waiting} LIMIT 1").fetchone():
            return None
        with storage_errors(self.data), changing(self._db):
            row = self._db.execute(f"{waiting} ORDER BY inputs, number LIMIT 1").fetchone()
            if row is not None:
                self._db.execute("UPDATE jobs SET worker = ? WHERE id = ?", (self.worker, row["id"]))
        return job_of(row, None) if row is not None else None

    def picture(
        self, job: str, number: int, painting: str | None, portraits: tuple[bytes | None, ...]
    ) -> bool:
        """Keep the pictures of one answer; False where the job is gone."""
        with storage_errors(self.data), changing(self._db):
            if not self._db.execute("SELECT 1 FROM jobs WHERE id = ?", (job,)).fetchone():
                return False
            self._db.execute(
                "INSERT OR REPLACE INTO pictures VALUES (?, ?, ?, ?, ?)", (job, number, painting, *portraits)
            )
        return True

    def pictured(self, job: str) -> int:
        """How many answers of a job have been drawn; they are drawn in order."""
        [number] = self._db.execute("SELECT count(*) FROM pictures WHERE job = ?", (job,)).fetchone()
        return int(number)

    def call(self, job: str, number: int) -> str | None:
        """One answer of a job as JSON; None where the job is gone."""
        asked = "SELECT call FROM answers WHERE job = ? AND number = ?"
        row = self._db.execute(asked, (job, number)).fetchone()
        return row["call"] if row else None

    def leave_pictures(self, job: str) -> None:
        """Let whoever is free draw the next of a job."""
        with storage_errors(self.data):
            self._db.execute("UPDATE jobs SET worker = NULL WHERE id = ?", (job,))

    def end_pictures(self, job: str, how: str) -> None:
        with storage_errors(self.data):
            self._db.execute("UPDATE jobs SET pictures = ?, worker = NULL WHERE id = ?", (how, job))

    # -- whoever watches the workers -------------------------------------------------------------------------

    def release(self, worker: str | None, died: bool) -> None:
        """Queue the jobs of a worker again, or of all; one that was there at several deaths has failed."""
        whose, values = ("worker = ?", (worker,)) if worker else ("worker IS NOT NULL", ())
        with storage_errors(self.data), changing(self._db):
            self._db.execute(
                f"UPDATE jobs SET attempts = attempts + ? WHERE state = 'running' AND {whose}",
                (died, *values),
            )
            worn = self._db.execute(
                f"SELECT id FROM jobs WHERE state = 'running' AND attempts >= ? AND {whose}",
                (MOST_ATTEMPTS, *values),
            ).fetchall()
            for row in worn:
                self._finish(row["id"], "failed", WORN)
            self._db.execute(
                f"UPDATE jobs SET state = 'queued', worker = NULL WHERE state = 'running' AND {whose}", values
            )
            self._db.execute(f"UPDATE jobs SET worker = NULL WHERE {whose}", values)

    def overdue(self, grace_s: float) -> list[tuple[str, str]]:
        """Job and worker of what runs for longer than it may."""
        since = time.time() - self.limits.job_s - grace_s
        rows = self._db.execute(
            "SELECT id, worker FROM jobs WHERE state = 'running' AND started < ?", (since,)
        )
        return [(row["id"], row["worker"]) for row in rows]

    def expire(self) -> None:
        """Delete what was kept for long enough, and give back what was written since."""
        with storage_errors(self.data):
            self._db.execute("DELETE FROM jobs WHERE expires < ?", (time.time(),))
            old = time.time() - self.limits.kept_s
            self._db.execute("DELETE FROM changes WHERE finished < ?", (old,))
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def with_sequence(self) -> set[str]:
        """Jobs whose sequence is still needed, or was asked to be kept."""
        rows = self._db.execute(
            "SELECT id FROM jobs WHERE state IN ('queued', 'running')"
            " OR (state = 'done' AND (pictures = 'pending' OR settings ->> '$.keep'))"
        )
        changes = self._db.execute("SELECT id FROM changes WHERE state IN ('queued', 'running')")
        return {row["id"] for row in (*rows, *changes)}

    def close(self) -> None:
        self._db.close()


WORN = (
    f"the service stopped {MOST_ATTEMPTS} times while it was answering this, so it will not be tried again; "
    "send its genomes one by one to find the one to blame, and report it"
)


def too_slow(limits: Limits) -> str:
    return (
        f"this took longer than the {limits.job_s:,.0f} s that a query may take here; send fewer genomes at "
        "once, or run `gindex query` on them"
    )


def _together(turns: Sequence[sqlite3.Row]) -> list[str]:
    """The jobs of one claim: the first, and those that fit beside it."""
    taken, size = [turns[0]["id"]] if turns else [], turns[0]["size_bytes"] if turns else 0
    if not turns or turns[0]["attempts"]:
        return taken
    for turn in turns[1:]:
        size += turn["size_bytes"]
        if size > MOST_BYTES or turn["attempts"]:
            break
        taken.append(turn["id"])
    return taken
