"""A service from Python: ask about genomes, and look up what an index holds.

    from genome_index.service.client.client import Client

    with Client("http://127.0.0.1:8765", key="gx_...") as service:
        for call in service.query("sample.fasta"):
            print(call["query"], call["verdict"], call["name"], call["confidence"])

Answers are JSON objects as the API has them; a call is one by the contract of call.schema.json.
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
HELD_S = 30.0  # that a request waits for the end of a query, before it is sent again
TOLD_EVERY_S = 1.0  # where somebody wants to know how far it is
LEAST_PAUSE_S = 0.2  # between two looks at a query, if the service does not hold them open
DRAWN_S = 300.0  # that a service may take for a report's figures
PAGE = 500  # genomes or species asked for at once
NEEDED = ("id", "state", "position", "progress", "name", "links", "notes", "problem", "result")  # of a query


@dataclass(frozen=True)
class Job:
    """A query that was accepted, as it was when the service was asked."""

    id: str
    state: Literal["queued", "running", "done", "failed"]
    position: int | None  # among those that wait; 1 is next
    answered: int  # genomes
    inputs: int
    name: str
    page: str  # address of its page, for a browser
    notes: tuple[str, ...]
    problem: str | None  # why it failed, and what to do
    result: list[Json] | None  # the calls, when it is done
    document: Json  # all that the service says of it

    @property
    def over(self) -> bool:
        return self.state in ("done", "failed")


class Client:
    """One service. Every method raises ServiceError where the service refuses, fails, or is not there.

    Parameters
    ----------
    url : str
    key : str, optional
        An API key, where the service asks for one.
    timeout : float
        Seconds of silence on an open connection, beyond what a query is waited for.
    patience : float
        Seconds to spend in all on waiting, until what was refused for now or broke off is asked for again.
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
        """Ask about the genomes of a file, and wait for the calls: one for each genome, in their order.

        `source` is a path, sequence as bytes, or a binary file; compressed or not. `timeout` is in seconds,
        None waits for as long as it takes; `progress` hears of the job about once a second. What is not
        answered in time goes on: the error's sentence has its id.
        """
        settings = {"k": k, "genome_per": genome_per, "exclude_identical": exclude_identical}
        allowed = _Allowed(timeout)
        job = self._post(source, name, settings, 0.0 if progress else allowed.of(HELD_S))
        job = self._over(job, allowed, progress)
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
        """Ask as `query` does, and wait for nothing: what is accepted outlives a restart of the service.

        `pictures` has each genome painted for the page; `keep` keeps the sequence as long as the answers.
        """
        settings = {"k": k, "genome_per": genome_per, "exclude_identical": exclude_identical}
        return self._post(source, name, {**settings, "pictures": pictures, "keep": keep}, 0.0)

    def job(self, id: str) -> Job:
        return self._job(id, 0.0)

    def wait(
        self, job: Job | str, timeout: float | None = None, progress: Callable[[Job], object] | None = None
    ) -> Job:
        """The job when it is over: done, or failed."""
        allowed = _Allowed(timeout)
        return self._over(job if isinstance(job, Job) else self.job(job), allowed, progress)

    def cancel(self, id: str) -> None:
        """Stop a query if it is not over, and have its sequence and its answers deleted."""
        try:
            self._service.answer(Request(_path("queries", id), "DELETE"))
        except ServiceError as error:
            if error.status != 404 or error.tries == 1:  # else it was the answer that did not get through
                raise

    def calls(self, id: str, format: Literal["json", "jsonl", "tsv"] = "json") -> bytes:
        """The answers, byte for byte as `gindex query --format` writes them."""
        return self._service.answer(Request(_path("queries", id, "calls"), params={"format": format})).content

    def report(self, id: str) -> bytes:
        """The answers as one HTML page that needs no network."""
        return self._service.answer(Request(_path("queries", id, "report"), held_s=DRAWN_S)).content

    # -- what the index holds --------------------------------------------------------------------------------

    def index(self) -> Json:
        """What is served, when it was built and from what."""
        return self._service.json(Request(_path("index")))

    def genomes(self, search: str = "", rank: str | None = None, name: str | None = None) -> Iterator[Json]:
        """Genomes by id: whose id or a name holds `search`, and that bear `name` at a rank or as a label."""
        return self._pages("genomes", {"search": search, "rank": rank, "name": name})

    def genome(self, id: str) -> Json:
        return self._service.json(Request(_path("genomes", id)))

    def species_list(self, search: str = "") -> Iterator[Json]:
        """Species by name."""
        return self._pages("species", {"search": search})

    def species(self, name: str) -> Json:
        """One species: its members, the identity it asks for, its nearest neighbours."""
        return self._service.json(Request(_path("species", name)))

    def map(self) -> Json:
        """Every genome as a place in the plane."""
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
        return self._job_of(self._service.json(request, *NEEDED))

    def _over(self, found: Job, allowed: _Allowed, progress: Callable[[Job], object] | None) -> Job:
        while not found.over:
            if progress:
                progress(found)
            if not allowed.of(HELD_S):
                raise _late(found, allowed.timeout_s)
            began = time.monotonic()
            found = self._job(found.id, allowed.of(TOLD_EVERY_S if progress else HELD_S))
            if not found.over:
                time.sleep(allowed.of(max(0.0, began + LEAST_PAUSE_S - time.monotonic())))
        if progress:
            progress(found)
        return found

    def _job(self, id: str, held_s: float) -> Job:
        held = {"wait": held_s > 0, "timeout": held_s}
        request = Request(_path("queries", id), params=held, held_s=held_s)
        return self._job_of(self._service.json(request, *NEEDED))

    def _job_of(self, document: Json) -> Job:
        return Job(
            document["id"], document["state"], document["position"], document["progress"]["answered"],
            document["progress"]["inputs"], document["name"], self._service.url + document["links"]["page"],
            tuple(document["notes"]), document["problem"], document["result"], document,
        )  # fmt: skip

    def _pages(self, what: str, params: Mapping[str, str | None]) -> Iterator[Json]:
        offset, total = 0, 1
        while offset < total:
            page = self._service.json(
                Request(_path(what), params={**params, "offset": offset, "limit": PAGE})
            )
            yield from page["items"]
            offset, total = offset + PAGE, page["total"]


def _path(*parts: str) -> str:
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)


def _body(source: Source) -> tuple[bytes | Path, str | None]:
    """What is sent, so that it can be sent again, and what it is called."""
    if isinstance(source, bytes):
        return source, None
    if isinstance(source, str | os.PathLike):
        if str(source).lstrip().startswith((">", "LOCUS ")) or "\n" in str(source):
            raise UsageError("this is sequence where a path should be; give sequence as bytes")
        return Path(source), Path(source).name
    content: object = source.read()
    if not isinstance(content, bytes):
        raise UsageError("this file is open as text; open it as bytes, with mode 'rb'")
    name = getattr(source, "name", None)
    return content, Path(name).name if isinstance(name, str) else None


class _Allowed:
    """The time that something may take, from now on."""

    def __init__(self, timeout_s: float | None) -> None:
        self.timeout_s = inf if timeout_s is None else timeout_s
        self._end = time.monotonic() + self.timeout_s

    def of(self, seconds: float) -> float:
        """As much of these as there is left."""
        return max(0.0, min(seconds, self._end - time.monotonic()))


def _late(job: Job, timeout_s: float) -> ServiceError:
    return ServiceError(
        "The query is not answered yet",
        f"query {job.id} is {job.state} after {timeout_s:g} s, {job.answered:,} of {job.inputs:,} are "
        f"answered; it goes on: wait({job.id!r}) again, or cancel({job.id!r})",
        kind="late",
    )  # fmt: skip
