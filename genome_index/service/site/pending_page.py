"""Page of a job without answers: its progress, or why it failed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse

from genome_index.service.site.formats import sentence
from genome_index.service.site.interface import Service
from genome_index.service.site.rendering import page

Json = Mapping[str, Any]


def unfinished(service: Service, request: Request, job: Json) -> HTMLResponse:
    """The page of a queued, running or failed job."""
    if job["state"] != "failed":
        return page(service, request, "waiting.html", {"job": job, "progress": progress(job)})
    values = {"job": job, "title": "The query failed", "reason": sentence(job["problem"])}
    return page(service, request, "failed.html", values)


def progress(job: Json) -> str:
    """The progress of a job in words."""
    answered, inputs, position = job["progress"]["answered"], job["progress"]["inputs"], job["position"]
    match job["state"]:
        case "queued":
            return (
                f"Waiting: number {position:,} in the queue." if (position or 1) > 1 else "Next in the queue."
            )
        case "running":
            return f"Searching: {answered:,} of {inputs:,} answered." if inputs > 1 else "Searching."
        case "done":
            return "answered" if inputs == 1 else f"{answered:,} answered"
        case state:
            return str(state)
