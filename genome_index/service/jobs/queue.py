"""Job queue as the callers see it: settings, state and answers of each job. An accepted job is never lost.

A job is queued, then running, then done or failed. If its worker or the whole service dies it is queued again
and continues after its last answer. `claims.py` has the operations of the workers on the same tables.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, cast

from genome_index.io.reader import GenomePer
from genome_index.service.jobs.database import changing, connect, storage_errors
from genome_index.service.jobs.stored_calls import current_call
from genome_index.service.problems import Problem, not_found
from genome_index.service.settings import Limits

State = Literal["queued", "running", "done", "failed"]
Pictures = Literal["none", "pending", "done", "dropped"]
FINISHED: tuple[State, ...] = ("done", "failed")
ID_BYTES = 16  # 128 random bits: nobody guesses the link of another caller's job
RETRY_AFTER_S = 30

# The order of the queued jobs: the first job of each caller comes before the second of any caller, and within
# such a round the caller comes first that was served longest ago. A caller with a thousand genomes delays the
# single genome of another caller by at most one batch.
TURNS = """
SELECT id, caller, size_bytes, attempts, row_number() OVER (ORDER BY round, served, number) AS position FROM (
    SELECT number, id, caller, size_bytes, attempts,
        row_number() OVER (PARTITION BY caller ORDER BY number) AS round,
        coalesce((SELECT max(started) FROM jobs AS other WHERE other.caller = jobs.caller), 0) AS served
    FROM jobs WHERE state = 'queued'
)
"""


@dataclass(frozen=True)
class JobSettings:
    """Settings of a query."""

    k: int = 5  # hits reported for each genome
    genome_per: GenomePer = "file"
    exclude_identical: bool = False  # leave out references with the sequence of the query
    pictures: bool = False  # draw the figures of each genome, before the sequence is deleted
    keep: bool = False  # keep the sequence as long as the answers


@dataclass(frozen=True)
class Upload:
    """An accepted, checked sequence file; its name on the disk is the id."""

    id: str
    name: str  # file name given by the caller
    size_bytes: int  # unpacked
    inputs: int  # genomes in it, by `JobSettings.genome_per`
    notes: tuple[str, ...] = ()
    sha256: str = ""  # of the unpacked text


@dataclass(frozen=True)
class Job:
    """A job as it is stored."""

    id: str
    caller: str
    state: State
    name: str
    size_bytes: int
    inputs: int
    answered: int
    settings: JobSettings
    notes: tuple[str, ...]
    pictures: Pictures
    problem: str | None  # why it failed, and what to do
    created: float  # seconds since 1970, as all times here
    started: float | None
    finished: float | None
    expires: float | None
    position: int | None = None  # in the queue, 1 is next; None if the job is not queued


def new_id() -> str:
    return secrets.token_urlsafe(ID_BYTES)


class Jobs:
    """The jobs of a service, as the callers see them."""

    def __init__(self, data: Path, limits: Limits) -> None:
        self.data, self.limits, self._db = data, limits, connect(data)

    def close(self) -> None:
        self._db.close()

    def add(self, caller: str, upload: Upload, settings: JobSettings, token: str | None = None) -> Job:
        """Store a job on the disk. A caller that sends a `token` again gets the same job again.

        Raises
        ------
        Problem
            Too many jobs wait.
        StorageError
        """
        with storage_errors(self.data), changing(self._db):
            known = self.with_token(caller, token)
            if known is not None:
                return self._require_same(known, upload, settings)
            self._require_room(caller)
            self._db.execute(
                "INSERT INTO jobs"
                " (id, caller, token, name, size_bytes, inputs, settings, notes, pictures, created)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (upload.id, caller, token, upload.name, upload.size_bytes, upload.inputs,
                 json.dumps(asdict(settings)), json.dumps(upload.notes),
                 "pending" if settings.pictures else "none",
                 time.time()),
            )  # fmt: skip
            self._db.execute("INSERT INTO digests VALUES (?, ?)", (upload.id, upload.sha256))
        return self.get(upload.id)

    def with_token(self, caller: str, token: str | None) -> Job | None:
        row = self._db.execute(
            "SELECT id FROM jobs WHERE caller = ? AND token = ?", (caller, token)
        ).fetchone()
        return self.get(row["id"]) if row else None

    def get(self, job_id: str) -> Job:
        row = self._db.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone()
        if row is None:
            raise not_found(
                "no query has this id",
                "it was deleted, has expired, or the link is incomplete: send the sequence again",
            )
        return job_of(row, self._position(job_id) if row["state"] == "queued" else None)

    def states(self, ids: Sequence[str]) -> dict[str, State]:
        """Id -> state, of the jobs that exist."""
        marks = ", ".join("?" * len(ids))
        return dict(
            self._db.execute(f"SELECT id, state FROM jobs WHERE id IN ({marks})", tuple(ids)).fetchall()
        )

    def answers(self, job_id: str) -> list[str]:
        """All calls so far, in the order of the inputs, each as JSON by call.schema.json."""
        rows = self._db.execute("SELECT call FROM answers WHERE job = ? ORDER BY number", (job_id,))
        return [current_call(row["call"]) for row in rows]

    def some_answers(self, job_id: str, first: int, most: int) -> list[str]:
        """At most `most` calls from number `first` on, counted from 0."""
        rows = self._db.execute(
            "SELECT call FROM answers WHERE job = ? AND number >= ? ORDER BY number LIMIT ?",
            (job_id, first, most),
        )
        return [current_call(row["call"]) for row in rows]

    def verdicts(self, job_id: str) -> dict[str, int]:
        """Verdict -> number of answers."""
        rows = self._db.execute(
            "SELECT call ->> '$.verdict' AS verdict, count(*) AS number FROM answers WHERE job = ?"
            " GROUP BY verdict",
            (job_id,),
        )
        return {row["verdict"]: row["number"] for row in rows}

    def picture(self, job_id: str, number: int) -> sqlite3.Row | None:
        """The stored figures of one answer: painting, portrait_light, portrait_dark."""
        row: sqlite3.Row | None = self._db.execute(
            "SELECT painting, portrait_light, portrait_dark FROM pictures WHERE job = ? AND number = ?",
            (job_id, number),
        ).fetchone()
        return row

    def pictures(self, job_id: str) -> list[sqlite3.Row]:
        """The stored figures of all answers: number, painting, portrait_light, portrait_dark."""
        return self._db.execute(
            "SELECT number, painting, portrait_light, portrait_dark FROM pictures WHERE job = ?"
            " ORDER BY number",
            (job_id,),
        ).fetchall()

    def delete(self, job_id: str) -> None:
        """Delete a job with its answers and figures; a running job is cancelled."""
        with storage_errors(self.data):
            self._db.execute("DELETE FROM jobs WHERE id = ?", (job_id,))

    def counts(self) -> dict[str, int]:
        """State -> number of jobs."""
        rows = self._db.execute("SELECT state, count(*) AS number FROM jobs GROUP BY state")
        return {row["state"]: row["number"] for row in rows}

    def oldest_waiting_s(self) -> float:
        """The age in seconds of the oldest queued job; 0 if none is queued."""
        [since] = self._db.execute("SELECT min(created) FROM jobs WHERE state = 'queued'").fetchone()
        return time.time() - since if since else 0.0

    def version(self) -> int:
        """A number that changes with every commit of another connection; it costs microseconds."""
        return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    def _position(self, job_id: str) -> int | None:
        row = self._db.execute(f"SELECT position FROM ({TURNS}) WHERE id = ?", (job_id,)).fetchone()
        return int(row["position"]) if row else None

    def _require_same(self, known: Job, upload: Upload, settings: JobSettings) -> Job:
        """The known job of a token; a Problem if another query comes with the token now."""
        row = self._db.execute("SELECT sha256 FROM digests WHERE job = ?", (known.id,)).fetchone()
        is_same = row is None or row["sha256"] == upload.sha256
        if is_same and (known.name, known.size_bytes, known.settings) == (
            upload.name, upload.size_bytes, settings,
        ):  # fmt: skip
            return known
        raise Problem(
            422, "token", "This Idempotency-Key belongs to another query",
            "the sequence, its name or the settings are others now: the key came with "
            f"{known.name} of {known.size_bytes:,} bytes before; choose a new key for each query, and repeat "
            "a query with its own key",
        )  # fmt: skip

    def _require_room(self, caller: str) -> None:
        waiting = "SELECT count(*) FROM jobs WHERE state IN ('queued', 'running')"
        [everyone] = self._db.execute(waiting).fetchone()
        [own] = self._db.execute(f"{waiting} AND caller = ?", (caller,)).fetchone()
        headers = {"Retry-After": str(RETRY_AFTER_S)}
        if own >= self.limits.queued_each:
            raise Problem(
                429, "too-many-jobs", "Too many of your queries wait",
                f"{own:,} of your queries wait, {self.limits.queued_each:,} are allowed; wait for some "
                "answers, or send several genomes in one file with genome_per=record", headers,
            )  # fmt: skip
        if everyone >= self.limits.queued:
            raise Problem(
                503, "busy", "The service is busy",
                f"{everyone:,} queries wait, {self.limits.queued:,} are allowed; retry in {RETRY_AFTER_S} s",
                headers,
            )  # fmt: skip


def job_of(row: sqlite3.Row, position: int | None) -> Job:
    """The job in a row of the table `jobs`."""
    settings = JobSettings(**json.loads(row["settings"]))
    return Job(
        row["id"], row["caller"], cast(State, row["state"]), row["name"], row["size_bytes"], row["inputs"],
        row["answered"], settings, tuple(json.loads(row["notes"])), row["pictures"], row["problem"],
        row["created"], row["started"], row["finished"], row["expires"], position,
    )  # fmt: skip
