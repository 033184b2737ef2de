"""Python client of a service: query genomes, and read the contents of its index.

    from genome_index import Client

    with Client("http://127.0.0.1:8765", key="gx_...") as service:
        for call in service.query("sample.fasta"):
            print(call["query"], call["verdict"], call["name"], call["confidence"])

Answers are JSON objects of the API; a call follows call.schema.json.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Literal
from urllib.parse import quote

from genome_index.errors import UsageError
from genome_index.service.client.transport import Request, ServiceError, Transport

__all__ = ["Client", "Job", "ServiceError"]

Json = dict[str, Any]
Source = str | os.PathLike[str] | bytes | BinaryIO
HELD_S = 30.0  # that one request waits for the end of a query
PROGRESS_EVERY_S = 1.0  # between two calls of `progress`
LEAST_PAUSE_S = 0.2  # between two requests for a query, if the service does not hold them open
REPORT_S = 300.0  # that a service may take for the figures of a report
PAGE = 500  # genomes or species in one request
REQUIRED = (
    "id",
    "state",
    "position",
    "progress",
    "name",
    "links",
    "notes",
    "problem",
    "result",
)  # fields of a query


@dataclass(frozen=True)
class Job:
    """An accepted query, in the state of the last request."""

    id: str
    state: Literal["queued", "running", "done", "failed"]
    position: int | None  # in the queue; 1 is next
    answered: int  # genomes answered so far
    inputs: int  # genomes of the query
    name: str
    page: str  # address of its web page
    notes: tuple[str, ...]
    problem: str | None  # why it failed, and what to do
    result: list[Json] | None  # the calls; None unless it is done
    document: Json  # the whole answer of the service

    @property
    def is_finished(self) -> bool:
        """Whether it is done or has failed."""
        return self.state in ("done", "failed")


class Client:
    """Client of one service. Every method raises ServiceError if the service refuses, fails or is missing.

    Parameters
    ----------
    url : str
        Address of the service.
    key : str, optional
        API key, if the service requires one.
    timeout : float
        Longest silence in seconds on an open connection, beyond the time that a query is waited for.
    patience : float
        Longest total pause in seconds between repetitions of a request that was refused or interrupted.

    Examples
    --------
    >>> with Client("http://127.0.0.1:8765", key="gx_...") as service:  # doctest: +SKIP
    ...     [call] = service.query("sample.fasta")
    ...     call["verdict"], call["name"], call["confidence"]
    ('species', 'Demobacter simulatus', 0.99)
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8765",
        key: str | None = None,
        timeout: float = 30.0,
        patience: float = 60.0,
    ) -> None:
        self._service = Transport(url, key, timeout, patience)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._service.close()

    # -- queries ---------------------------------------------------------------------------------------------

    def query(
        self,
        source: Source,
        *,
        k: int = 5,
        genome_per: Literal["file", "record"] = "file",
        exclude_identical: bool = False,
        name: str | None = None,
        timeout: float | None = None,
        progress: Callable[[Job], object] | None = None,
    ) -> list[Json]:
        """Query the genomes of a file and wait for the calls: one for each genome, in order.

        Parameters
        ----------
        source : path, bytes or binary file
            FASTA or GenBank, plain or compressed.
        k : int
            Hits to report for each genome.
        genome_per : "file" or "record"
            Whether the file or each of its records is a genome.
        exclude_identical : bool
            Leave out references with the same sequence.
        name : str, optional
            File name in the answers; by default the name of `source`.
        timeout : float, optional
            Longest wait in seconds; None waits until the end. After the timeout the query continues, and the
            message of the error has its id.
        progress : callable, optional
            Called with the job about once a second.
        """
        settings = {"k": k, "genome_per": genome_per, "exclude_identical": exclude_identical}
        allowed = _Allowed(timeout)
        job = self._post(source, name, settings, 0.0 if progress else allowed.of(HELD_S))
        job = self._finished(job, allowed, progress)
        if job.result is None:
            raise ServiceError("The query failed", str(job.problem), kind="failed")
        return job.result

    def submit(
        self,
        source: Source,
        *,
        k: int = 5,
        genome_per: Literal["file", "record"] = "file",
        exclude_identical: bool = False,
        pictures: bool = False,
        keep: bool = False,
        name: str | None = None,
    ) -> Job:
        """Submit a query without waiting; an accepted query survives a restart of the service.

        The parameters are those of `query`; `pictures` draws the figures of each genome, and `keep` keeps the
        sequence as long as the answers.
        """
        settings = {"k": k, "genome_per": genome_per, "exclude_identical": exclude_identical}
        return self._post(source, name, {**settings, "pictures": pictures, "keep": keep}, 0.0)

    def job(self, id: str) -> Job:
        """The current state of a query."""
        return self._job(id, 0.0)

    def wait(
        self, job: Job | str, timeout: float | None = None, progress: Callable[[Job], object] | None = None
    ) -> Job:
        """The job when it is done or has failed."""
        allowed = _Allowed(timeout)
        return self._finished(job if isinstance(job, Job) else self.job(job), allowed, progress)

    def cancel(self, id: str) -> None:
        """Stop a query that is not finished, and delete its sequence and answers."""
        try:
            self._service.answer(Request(_path("queries", id), "DELETE"))
        except ServiceError as error:
            if error.status != 404 or error.tries == 1:  # else only the first response was lost
                raise

    def calls(self, id: str, format: Literal["json", "jsonl", "tsv"] = "json") -> bytes:
        """The answers, byte for byte as in `gindex query --format`."""
        return self._service.answer(Request(_path("queries", id, "calls"), params={"format": format})).content

    def report(self, id: str) -> bytes:
        """The answers as an HTML report that needs no network."""
        return self._service.answer(Request(_path("queries", id, "report"), held_s=REPORT_S)).content

    # -- contents of the index -------------------------------------------------------------------------------

    def index(self) -> Json:
        """The index of the service: contents, settings, origin and history."""
        return self._service.json(Request(_path("index")))

    def genomes(self, search: str = "", rank: str | None = None, name: str | None = None) -> Iterator[Json]:
        """Genomes in the order of their ids: `search` is in the id or a name, `name` is theirs at `rank`."""
        return self._pages("genomes", {"search": search, "rank": rank, "name": name})

    def genome(self, id: str) -> Json:
        """One genome: names, nearest genomes, warnings and threshold."""
        return self._service.json(Request(_path("genomes", id)))

    def species_list(self, search: str = "") -> Iterator[Json]:
        """Species by name, with `search` in the name."""
        return self._pages("species", {"search": search})

    def species(self, name: str) -> Json:
        """One species: its genomes, threshold and nearest species."""
        return self._service.json(Request(_path("species", name)))

    def map(self) -> Json:
        """The map of all genomes in the plane."""
        return self._service.json(Request(_path("map")))

    # --------------------------------------------------------------------------------------------------------

    def _post(
        self, source: Source, name: str | None, settings: Mapping[str, str | int | bool], held_s: float
    ) -> Job:
        body, own_name = _body(source)
        wait = {"wait": held_s > 0, "timeout": held_s}
        request = Request(
            _path("queries"), "POST", {**settings, **wait, "name": name or own_name},
            {"Idempotency-Key": secrets.token_urlsafe(16), "Content-Type": "application/octet-stream"},
            body, held_s,
        )  # fmt: skip
        return self._job_of(self._service.json(request, *REQUIRED))

    def _finished(self, job: Job, allowed: _Allowed, progress: Callable[[Job], object] | None) -> Job:
        while not job.is_finished:
            if progress:
                progress(job)
            if not allowed.of(HELD_S):
                raise _late(job, allowed.timeout_s)
            start = time.monotonic()
            job = self._job(job.id, allowed.of(PROGRESS_EVERY_S if progress else HELD_S))
            if not job.is_finished:
                time.sleep(allowed.of(max(0.0, start + LEAST_PAUSE_S - time.monotonic())))
        if progress:
            progress(job)
        return job

    def _job(self, id: str, held_s: float) -> Job:
        held = {"wait": held_s > 0, "timeout": held_s}
        request = Request(_path("queries", id), params=held, held_s=held_s)
        return self._job_of(self._service.json(request, *REQUIRED))

    def _job_of(self, document: Json) -> Job:
        return Job(
            document["id"], document["state"], document["position"], document["progress"]["answered"],
            document["progress"]["inputs"], document["name"], self._service.url + document["links"]["page"],
            tuple(document["notes"]), document["problem"], document["result"], document,
        )  # fmt: skip

    def _pages(self, path: str, params: Mapping[str, str | None]) -> Iterator[Json]:
        offset, total = 0, 1
        while offset < total:
            page = self._service.json(
                Request(_path(path), params={**params, "offset": offset, "limit": PAGE})
            )
            yield from page["items"]
            offset, total = offset + PAGE, page["total"]


def _path(*parts: str) -> str:
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)


def _body(source: Source) -> tuple[bytes | Path, str | None]:
    """The body of a request, which can be sent again, and its file name."""
    if isinstance(source, bytes):
        return source, None
    if isinstance(source, str | os.PathLike):
        if str(source).lstrip().startswith((">", "LOCUS ")) or "\n" in str(source):
            raise UsageError("this is a sequence instead of a path; give sequence as bytes")
        return Path(source), Path(source).name
    content: object = source.read()
    if not isinstance(content, bytes):
        raise UsageError("this file is open as text; open it with mode 'rb'")
    name = getattr(source, "name", None)
    return content, Path(name).name if isinstance(name, str) else None


class _Allowed:
    """The rest of a time limit that starts now."""

    def __init__(self, timeout_s: float | None) -> None:
        self.timeout_s = inf if timeout_s is None else timeout_s
        self._end = time.monotonic() + self.timeout_s

    def of(self, seconds: float) -> float:
        """`seconds`, or the time that is left if it is less."""
        return max(0.0, min(seconds, self._end - time.monotonic()))


def _late(job: Job, timeout_s: float) -> ServiceError:
    return ServiceError(
        "The query is not finished",
        f"query {job.id} is {job.state} after {timeout_s:g} s, {job.answered:,} of {job.inputs:,} genomes "
        f"are answered; it continues: wait({job.id!r}) again, or cancel({job.id!r})",
        kind="late",
    )  # fmt: skip
