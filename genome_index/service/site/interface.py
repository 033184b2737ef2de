"""Service: the protocol by which the page uses the service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from starlette.requests import Request

from genome_index.report.figures.genome.windows import GenomeWindows
from genome_index.service.settings import Limits, ServeSettings
from genome_index.service.views.index_view import IndexView


class Service(Protocol):
    """A service as its page uses it. An unknown job is a Problem with status 404."""

    @property
    def settings(self) -> ServeSettings: ...
    @property
    def limits(self) -> Limits: ...
    @property
    def index_view(self) -> IndexView: ...

    async def map_text(self) -> str | None:
        """The map as JSON; None while it is made. Once it exists, `index_view.place` knows places."""

    async def job_json(self, job_id: str) -> dict[str, Any]:
        """The job as in GET /v1/queries/ID without its result: an upload may have 20,000 answers."""

    async def calls_json(self, job_id: str, first: int, most: int) -> list[dict[str, Any]]:
        """At most `most` answers from number `first` on, counted from 0."""

    async def verdicts(self, job_id: str) -> Mapping[str, int]:
        """Verdict -> number of answers."""

    async def figures(self, job_id: str, number: int) -> tuple[GenomeWindows | None, bool]:
        """The windows of an answer, counted from 0, and whether it has a composition figure."""

    async def submit(self, request: Request) -> str:
        """Accept the form of the front page (a file or text, and settings); returns the id of the job."""

    async def delete(self, request: Request, job_id: str) -> None:
        """Cancel and delete a job, if the caller may."""
