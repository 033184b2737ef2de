"""/healthz, /readyz, /metrics: for whoever runs the service."""

from __future__ import annotations

from fastapi import APIRouter, Response

from genome_index.service.auth import Caller, Served
from genome_index.service.jobs.uploads import require_room
from genome_index.service.problems import Problem
from genome_index.service.schemas import Health, Readiness, problems

router = APIRouter(tags=["health"])
EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"


@router.get("/healthz", summary="Whether the service is alive")
async def healthz() -> Health:
    return Health("ok")


@router.get("/readyz", summary="Whether a query would be answered now", responses=problems(503, 507))
async def readyz(service: Served) -> Readiness:
    require_room(service.settings.data, service.limits)
    workers = service.crew.ready
    if not workers:
        raise Problem(
            503, "starting", "No worker is ready", "the index is being loaded, or a worker has just died; "
            "queries are taken in and wait. Ask again in 5 s", {"Retry-After": "5"},
        )  # fmt: skip
    return Readiness("ready", workers, service.library.index.snapshot.number)


@router.get(
    "/metrics", summary="Counters for Prometheus", response_class=Response,
    responses={200: {"content": {"text/plain": {}}}, **problems(401, 429)},
)  # fmt: skip
async def metrics(service: Served, who: Caller) -> Response:
    jobs = await service.on_disk(service.jobs.counts)
    oldest = await service.on_disk(service.jobs.oldest_waiting_s)
    snapshot = service.library.index.snapshot
    now = {
        "gindex_oldest_queued_seconds": ("For how long the first query in line has waited.", oldest),
        "gindex_workers_ready": ("Workers that can answer now.", float(service.crew.ready)),
        "gindex_worker_deaths": ("Workers that ended unasked since the start.", float(service.crew.deaths)),
        "gindex_snapshot": ("The snapshot of the index that is served.", float(snapshot.number)),
        "gindex_genomes": ("Genomes in it.", float(snapshot.genomes)),
    }
    return Response(service.metrics.text(jobs, now), media_type=EXPOSITION)
