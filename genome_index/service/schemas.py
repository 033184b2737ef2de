"""The API's documents, as OpenAPI describes them and callers get them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from genome_index.service.jobs.index_changes import Action, Change
from genome_index.service.jobs.queue import Job, Pictures, State


@dataclass(frozen=True)
class ProblemDocument:
    """RFC 9457; `detail` is a sentence with the value that was wrong and what to do."""

    type: str
    title: str
    status: int
    detail: str
    instance: str


@dataclass(frozen=True)
class Progress:
    answered: int
    inputs: int


@dataclass(frozen=True)
class AskedDocument:
    k: int
    genome_per: Literal["file", "record"]
    exclude_identical: bool
    pictures: bool
    keep: bool


@dataclass(frozen=True)
class Links:
    self: str
    calls: str
    report: str
    page: str


@dataclass(frozen=True)
class QueryDocument:
    """A query: how far it is, and in the end its answers, each by the contract of call.schema.json."""

    id: str
    state: State
    position: int | None  # among those that wait; 1 is next
    progress: Progress
    name: str
    size_bytes: int
    settings: AskedDocument
    created: str
    started: str | None
    finished: str | None
    expires: str | None
    notes: tuple[str, ...]
    pictures: Pictures
    problem: str | None
    links: Links
    result: list[dict[str, Any]] | None = None


@dataclass(frozen=True)
class PicturesDocument:
    """Of each answer in order: its genome's windows and their nearest species; has it a portrait."""

    pictures: Pictures
    paintings: list[dict[str, Any] | None]
    portraits: list[bool]


@dataclass(frozen=True)
class Health:
    status: Literal["ok"]


@dataclass(frozen=True)
class Readiness:
    status: Literal["ready"]
    workers: int  # that can answer now
    snapshot: int


@dataclass(frozen=True)
class ChangeDocument:
    """A change of the index: how far it is, and what was done, in sentences."""

    id: str
    action: Action
    state: Literal["queued", "running", "done", "failed"]
    done: tuple[str, ...]
    problem: str | None
    created: str
    finished: str | None


def change_document(change: Change) -> ChangeDocument:
    return ChangeDocument(
        change.id, change.action, change.state, change.done, change.problem, moment(change.created) or "",
        moment(change.finished),
    )  # fmt: skip


def query_document(job: Job) -> dict[str, Any]:
    """A QueryDocument but for its result, which is streamed as it was kept."""
    path = f"/v1/queries/{job.id}"
    return asdict(
        QueryDocument(
            job.id, job.state, job.position, Progress(job.answered, job.inputs), job.name, job.size_bytes,
            AskedDocument(**asdict(job.asked)), moment(job.created) or "", moment(job.started),
            moment(job.finished), moment(job.expires), job.notes, job.pictures, job.problem,
            Links(path, f"{path}/calls", f"{path}/report", f"/queries/{job.id}"),
        )
    )  # fmt: skip


def moment(seconds: float | None) -> str | None:
    """Seconds since 1970 as ISO 8601, UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says of the answers that are no success."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
    return {status: {"description": WHY[status], "content": content} for status in statuses}


WHY = {
    400: "The request cannot be understood.",
    401: "An API key is missing or unknown.",
    403: "This key, or this page, may not do that.",
    404: "There is no such thing here.",
    408: "The upload took too long.",
    409: "Not now: something else is being done with it.",
    413: "More was sent than is taken.",
    415: "Not a kind of body that is read.",
    422: "A value, or the sequence, cannot be used.",
    429: "Too much was asked for.",
    503: "Not now: the service is busy or starting.",
    507: "The disk is full.",
}
