"""What the page asks of the service behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from starlette.requests import Request

from genome_index.report.figures.genome.windows import Painting
from genome_index.service.settings import Limits, ServeSettings
from genome_index.service.views.index_view import Library


class Service(Protocol):
    """A service as its page sees it. A job that is not there is a Problem, 404."""

    @property
    def settings(self) -> ServeSettings: ...
    @property
    def limits(self) -> Limits: ...
    @property
    def library(self) -> Library: ...

    async def map_text(self) -> str | None:
        """The map as /v1/map has it; None while it is being made. After it the library knows places."""

    async def job_json(self, job_id: str) -> dict[str, Any]:
        """The job as GET /v1/queries/ID has it, but for its result: an upload may have 20,000 answers."""

    async def calls_json(self, job_id: str, first: int, most: int) -> list[dict[str, Any]]:
        """Up to `most` answers from number `first` on; 0 is the first."""

    async def verdicts(self, job_id: str) -> Mapping[str, int]:
        """How many answers there are of each verdict."""

    async def pictures(self, job_id: str, number: int) -> tuple[Painting | None, bool]:
        """The painting of an answer (0 is the first), and whether it has a portrait."""

    async def submit(self, request: Request) -> str:
        """Take in the form of the front page (a file or text, and settings): the job's id."""

    async def forget(self, request: Request, job_id: str) -> None:
        """Cancel a job if it is not over, and delete all of it, if whoever asks may."""
