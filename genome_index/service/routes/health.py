"""Routes for the operator: /healthz, /readyz, /metrics."""

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


@router.get("/readyz", summary="Whether the service can answer queries", responses=problems(503, 507))
async def readyz(service: Served) -> Readiness:
    require_room(service.settings.data, service.limits)
    workers = service.supervisor.ready
    if not workers:
        raise Problem(
            503, "starting", "No worker is ready",
            "the index is being loaded, or a worker has died; queries are accepted and wait; retry in 5 s",
            {"Retry-After": "5"},
        )  # fmt: skip
    return Readiness("ready", workers, service.index_view.index.snapshot.number)


@router.get(
    "/metrics", summary="Counters for Prometheus", response_class=Response,
    responses={200: {"content": {"text/plain": {}}}, **problems(401, 429)},
)  # fmt: skip
async def metrics(service: Served, caller: Caller) -> Response:
    jobs = await service.on_disk(service.jobs.counts)
    oldest = await service.on_disk(service.jobs.oldest_waiting_s)
    snapshot = service.index_view.index.snapshot
    supervisor = service.supervisor
    gauges = {
        "gindex_oldest_queued_seconds": ("Age of the oldest queued query.", oldest),
        "gindex_workers_ready": ("Workers that can answer now.", float(supervisor.ready)),
        "gindex_worker_deaths": ("Workers that died since the start.", float(supervisor.deaths)),
        "gindex_snapshot": ("Number of the served snapshot of the index.", float(snapshot.number)),
        "gindex_genomes": ("Genomes in the served snapshot.", float(snapshot.genomes)),
    }
    return Response(service.metrics.text(jobs, gauges), media_type=EXPOSITION)
