"""Responses with the answers of a query: complete if they are few, else streamed from the database."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Literal

from fastapi import Response
from fastapi.responses import StreamingResponse

from genome_index.io import tsv
from genome_index.report.calls import COLUMNS, as_tsv, call_of
from genome_index.service.jobs.queue import Job
from genome_index.service.state import Service

PAGE_SIZE = 500  # answers in memory at once: 2 MB, or 20 MB with 50 hits each
Format = Literal["json", "jsonl", "tsv"]
MEDIA = {"json": "application/json", "jsonl": "application/jsonl", "tsv": "text/tab-separated-values"}


async def streamed(
    job: Job, head: str, parts: AsyncIterator[str], status: int, headers: dict[str, str], media: str
) -> Response:
    """A response of pieces: complete if it is small, else streamed from the database, to bound the memory."""
    if job.answered > PAGE_SIZE:
        return StreamingResponse(_chained(head, parts), status, headers, media_type=media)
    return Response(head + "".join([part async for part in parts]), status, headers, media_type=media)


async def _chained(head: str, parts: AsyncIterator[str]) -> AsyncIterator[str]:
    yield head
    async for part in parts:
        yield part


async def pieces(
    service: Service, job: Job, separators: tuple[str, str, str], write: Callable[[list[str]], str]
) -> AsyncIterator[str]:
    """The answers as text, a page at a time; `separators` come before, between and after the pages."""
    start, between, end = separators
    for first in range(0, job.answered, PAGE_SIZE):
        calls = await service.on_disk(service.jobs.some_answers, job.id, first, PAGE_SIZE)
        yield (between if first else start) + await service.in_checks(write, calls)
    yield end


def _as_tsv_rows(calls: list[str]) -> str:
    _, *rows = as_tsv((call_of(json.loads(call)) for call in calls), {})
    return "".join(rows)


Writer = tuple[tuple[str, str, str], Callable[[list[str]], str]]  # separators and function of `pieces`
WRITERS: Mapping[str, Writer] = {  # as `gindex query --format`
    "json": (("[\n", ",\n", "\n]\n"), ",\n".join),
    "jsonl": (("", "", ""), lambda calls: "".join(f"{call}\n" for call in calls)),
    "tsv": ((tsv.row(COLUMNS), "", ""), _as_tsv_rows),
}
