"""Jobs: what was asked, how far it is, what the answers are. A job that was accepted is never lost.

queued -> running -> done, or failed; a job whose worker or whole service dies is queued again and
goes on behind its last answer. `claims.py` is the workers' side of the same tables.
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
from genome_index.service.problems import Problem, not_found
from genome_index.service.settings import Limits

State = Literal["queued", "running", "done", "failed"]
Pictures = Literal["none", "pending", "done", "dropped"]
OVER: tuple[State, ...] = ("done", "failed")
ID_BYTES = 16  # 128 random bits: whoever has a link was given it
ASK_AGAIN_S = 30

# Who is next: the first waiting job of each caller before the second of any, and among those of one lap the
# caller who was served longest ago. One who sends a thousand genomes delays another's single one by no more
# than one batch.
TURNS = """
SELECT id, caller, size_bytes, attempts, row_number() OVER (ORDER BY lap, served, number) AS position FROM (
    SELECT number, id, caller, size_bytes, attempts,
        row_number() OVER (PARTITION BY caller ORDER BY number) AS lap,
        coalesce((SELECT max(started) FROM jobs AS other WHERE other.caller = jobs.caller), 0) AS served
    FROM jobs WHERE state = 'queued'
)
"""


@dataclass(frozen=True)
class Asked:
    """How a query is to be answered."""

    k: int = 5  # hits reported
    genome_per: GenomePer = "file"
    exclude_identical: bool = False  # references with the query's very sequence do not count
    pictures: bool = False  # paint each genome and draw its portrait, before the sequence is deleted
    keep: bool = False  # keep the sequence for as long as the answers


@dataclass(frozen=True)
class Upload:
    """A sequence that was taken in and checked; its file bears the id."""

    id: str
    name: str  # as the caller calls the file
    size_bytes: int  # unpacked
    inputs: int  # genomes in it, as `asked.genome_per` counts them
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Job:
    id: str
    caller: str
    state: State
    name: str
    size_bytes: int
    inputs: int
    answered: int
    asked: Asked
    notes: tuple[str, ...]
    pictures: Pictures
    problem: str | None  # why it failed, and what to do
    created: float  # seconds since 1970, as the others
    started: float | None
    finished: float | None
    expires: float | None
    position: int | None = None  # 1 is next; only of one that waits


def new_id() -> str:
    return secrets.token_urlsafe(ID_BYTES)


class Jobs:
    """The jobs of a service, as those who ask see them."""

    def __init__(self, data: Path, limits: Limits) -> None:
        self.data, self.limits, self._db = data, limits, connect(data)

    def close(self) -> None:
        self._db.close()

    def add(self, caller: str, upload: Upload, asked: Asked, token: str | None = None) -> Job:
        """Take a job in; when this returns it is on the disk. The same `token` of a caller is the same job.

        Raises
        ------
        Problem
            Too many jobs wait already.
        StorageError
        """
        with storage_errors(self.data), changing(self._db):
            known = self.with_token(caller, token)
            if known is not None:
                return _same(known, upload, asked)
            self._require_room(caller)
            self._db.execute(
                "INSERT INTO jobs"
                " (id, caller, token, name, size_bytes, inputs, settings, notes, pictures, created)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (upload.id, caller, token, upload.name, upload.size_bytes, upload.inputs,
                 json.dumps(asdict(asked)), json.dumps(upload.notes), "pending" if asked.pictures else "none",
                 time.time()),
            )  # fmt: skip
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
                "no query has this id", "it was deleted, it has expired, or the link is not whole: ask again"
            )
        return job_of(row, self._position(job_id) if row["state"] == "queued" else None)

    def states(self, ids: Sequence[str]) -> dict[str, State]:
        """The states of those that are still there."""
        marks = ", ".join("?" * len(ids))
        return dict(
            self._db.execute(f"SELECT id, state FROM jobs WHERE id IN ({marks})", tuple(ids)).fetchall()
        )

    def answers(self, job_id: str) -> list[str]:
        """The calls so far, each as JSON by the contract of call.schema.json, in the order of the inputs."""
        rows = self._db.execute("SELECT call FROM answers WHERE job = ? ORDER BY number", (job_id,))
        return [row["call"] for row in rows]

    def some_answers(self, job_id: str, first: int, most: int) -> list[str]:
        """Up to `most` calls from number `first` on; 0 is the first."""
        rows = self._db.execute(
            "SELECT call FROM answers WHERE job = ? AND number >= ? ORDER BY number LIMIT ?",
            (job_id, first, most),
        )
        return [row["call"] for row in rows]

    def verdicts(self, job_id: str) -> dict[str, int]:
        """How many answers there are of each verdict."""
        rows = self._db.execute(
            "SELECT call ->> '$.verdict' AS verdict, count(*) AS number FROM answers WHERE job = ?"
            " GROUP BY verdict",
            (job_id,),
        )
        return {row["verdict"]: row["number"] for row in rows}

    def picture(self, job_id: str, number: int) -> sqlite3.Row | None:
        found: sqlite3.Row | None = self._db.execute(
            "SELECT painting, portrait_light, portrait_dark FROM pictures WHERE job = ? AND number = ?",
            (job_id, number),
        ).fetchone()
        return found

    def pictures(self, job_id: str) -> list[sqlite3.Row]:
        """number, painting, portrait_light, portrait_dark of each answer that has any."""
        return self._db.execute(
            "SELECT number, painting, portrait_light, portrait_dark FROM pictures WHERE job = ?"
            " ORDER BY number",
            (job_id,),
        ).fetchall()

    def forget(self, job_id: str) -> None:
        """Cancel a job, if it is not over, and delete all that is known of it."""
        with storage_errors(self.data):
            self._db.execute("DELETE FROM jobs WHERE id = ?", (job_id,))

    def counts(self) -> dict[str, int]:
        rows = self._db.execute("SELECT state, count(*) AS number FROM jobs GROUP BY state")
        return {row["state"]: row["number"] for row in rows}

    def oldest_waiting_s(self) -> float:
        [since] = self._db.execute("SELECT min(created) FROM jobs WHERE state = 'queued'").fetchone()
        return time.time() - since if since else 0.0

    def version(self) -> int:
        """Changes whenever another connection has committed something: a look at it costs microseconds."""
        return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    def _position(self, job_id: str) -> int | None:
        row = self._db.execute(f"SELECT position FROM ({TURNS}) WHERE id = ?", (job_id,)).fetchone()
        return int(row["position"]) if row else None

    def _require_room(self, caller: str) -> None:
        waiting = "SELECT count(*) FROM jobs WHERE state IN ('queued', 'running')"
        [everyone] = self._db.execute(waiting).fetchone()
        [own] = self._db.execute(f"{waiting} AND caller = ?", (caller,)).fetchone()
        again = {"Retry-After": str(ASK_AGAIN_S)}
        if own >= self.limits.queued_each:
            raise Problem(
                429, "too-many-jobs", "Too many of your queries wait",
                f"{own:,} of your queries wait, and {self.limits.queued_each:,} may; take the answers of "
                "some, or send several genomes in one file with genome_per=record", again,
            )  # fmt: skip
        if everyone >= self.limits.queued:
            raise Problem(
                503, "busy", "The service is busy",
                f"{everyone:,} queries wait, and {self.limits.queued:,} may; ask again in {ASK_AGAIN_S} s",
                again,
            )  # fmt: skip


def _same(known: Job, upload: Upload, asked: Asked) -> Job:
    """The job that a token stands for, if it is for what is sent with it now."""
    if (known.name, known.size_bytes, known.asked) == (upload.name, upload.size_bytes, asked):
        return known
    raise Problem(
        422, "token", "This Idempotency-Key stands for another query",
        f"the key was sent with {known.name} of {known.size_bytes:,} bytes before; choose a new key for each "
        "query, and send the same query with the same key",
    )  # fmt: skip


def job_of(row: sqlite3.Row, position: int | None) -> Job:
    asked = Asked(**json.loads(row["settings"]))
    return Job(
        row["id"], row["caller"], cast(State, row["state"]), row["name"], row["size_bytes"], row["inputs"],
        row["answered"], asked, tuple(json.loads(row["notes"])), row["pictures"], row["problem"],
        row["created"], row["started"], row["finished"], row["expires"], position,
    )  # fmt: skip
