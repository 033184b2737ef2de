"""Documents of the API: what OpenAPI describes and callers receive."""

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
    """The progress of a query in genomes."""

    answered: int
    inputs: int


@dataclass(frozen=True)
class SettingsDocument:
    """The settings of a query."""

    k: int
    genome_per: Literal["file", "record"]
    exclude_identical: bool
    pictures: bool
    keep: bool


@dataclass(frozen=True)
class Links:
    """The addresses of a query."""

    self: str
    calls: str
    report: str
    page: str


@dataclass(frozen=True)
class QueryDocument:
    """A query: its state and progress, and when it is done its answers, each by call.schema.json."""

    id: str
    state: State
    position: int | None  # in the queue; 1 is next
    progress: Progress
    name: str
    size_bytes: int
    settings: SettingsDocument
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
    """The figures of a query, a value for each answer in order."""

    pictures: Pictures
    windows: list[dict[str, Any] | None]  # the windows of the genome, each with its nearest reference
    compositions: list[bool]  # whether there is a composition figure


@dataclass(frozen=True)
class Health:
    """The service is alive."""

    status: Literal["ok"]


@dataclass(frozen=True)
class Readiness:
    """The service can answer queries."""

    status: Literal["ready"]
    workers: int  # number of workers that can answer now
    snapshot: int


@dataclass(frozen=True)
class ChangeDocument:
    """A change of the index: its state, and what was done, a sentence each."""

    id: str
    action: Action
    state: Literal["queued", "running", "done", "failed"]
    messages: tuple[str, ...]
    problem: str | None
    created: str
    finished: str | None


def change_document(change: Change) -> ChangeDocument:
    """The document of a stored change."""
    return ChangeDocument(
        change.id, change.action, change.state, change.messages, change.problem, moment(change.created) or "",
        moment(change.finished),
    )  # fmt: skip


def query_document(job: Job) -> dict[str, Any]:
    """A QueryDocument without its result, which is streamed from the database."""
    path = f"/v1/queries/{job.id}"
    return asdict(
        QueryDocument(
            job.id, job.state, job.position, Progress(job.answered, job.inputs), job.name, job.size_bytes,
            SettingsDocument(**asdict(job.settings)), moment(job.created) or "", moment(job.started),
            moment(job.finished), moment(job.expires), job.notes, job.pictures, job.problem,
            Links(path, f"{path}/calls", f"{path}/report", f"/queries/{job.id}"),
        )
    )  # fmt: skip


def moment(seconds: float | None) -> str | None:
    """Seconds since 1970 as ISO 8601, UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error responses of an operation for OpenAPI."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
    return {status: {"description": DESCRIPTIONS[status], "content": content} for status in statuses}


DESCRIPTIONS = {
    400: "The request cannot be understood.",
    401: "An API key is missing or unknown.",
    403: "The key, or the page that sent the request, has no permission.",
    404: "Not found.",
    408: "The upload took too long.",
    409: "Not possible in the current state.",
    413: "The upload is too large.",
    415: "The media type is not supported.",
    422: "A value or the sequence cannot be used.",
    429: "Too many requests, or too many waiting queries.",
    503: "The service is busy or starting.",
    507: "The disk is full.",
}
