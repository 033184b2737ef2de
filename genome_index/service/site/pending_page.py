"""A job that has no answers: how far it is, or why it ended."""

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
    match job["state"]:
        case "failed":
            title, says = "This could not be answered", sentence(job["problem"])
        case "cancelled":
            title, says = "This was cancelled", "Send the sequence again to have it answered."
        case _:
            return page(service, request, "waiting.html", {"job": job, "says": progress(job)})
    return page(service, request, "over.html", {"job": job, "title": title, "says": says})


def progress(job: Json) -> str:
    """Where a job stands, in words."""
    answered, inputs, position = job["progress"]["answered"], job["progress"]["inputs"], job["position"]
    match job["state"]:
        case "queued":
            return f"It waits: number {position:,} in the queue." if (position or 1) > 1 else "It is next."
        case "running":
            return f"Searching: {answered:,} of {inputs:,} answered." if inputs > 1 else "Searching."
        case "done":
            return "answered" if inputs == 1 else f"{answered:,} answered"
        case state:
            return str(state)
