"""Limits, API keys and request rates of the application, without worker processes."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
from pathlib import Path

import pytest
import zstandard

pytest.importorskip("fastapi", reason="the extra serve is not installed")

from helpers.event_loop import finished
from helpers.open_application import Opened
from helpers.running_service import make_key

from genome_index.service.jobs.queue import Jobs, JobSettings, Upload
from genome_index.service.jobs.uploads import path_of
from genome_index.service.jobs.worker import Worker
from genome_index.service.metrics import Metrics
from genome_index.service.middleware import ServiceMiddleware
from genome_index.service.settings import MB, Limits, ServeSettings

SEQUENCE = b">a\n" + b"ACGT" * 200


def uploads(data: Path) -> list[str]:
    return [path.name for path in (data / "uploads").iterdir()]


def test_a_decompression_bomb_is_refused(opened: Opened, tmp_path: Path) -> None:
    client = opened(limits=Limits(upload_bytes=5 * MB, unpacked_bytes=20 * MB))
    text = b">a\n" + b"A" * 21_000_000
    for packed in (gzip.compress(text), zstandard.compress(text)):
        assert len(packed) < 100_000
        response = client.post("/v1/queries", content=packed)
        assert (response.status_code, response.json()["type"]) == (413, "/problems/too-large")
        assert "it unpacks to more than 20 MB, the limit" in response.json()["detail"]
    assert uploads(tmp_path / "data") == []


def test_an_upload_that_is_too_large_is_refused_with_both_numbers(opened: Opened, tmp_path: Path) -> None:
    client = opened(limits=Limits(upload_bytes=1 * MB))
    for size in (1_500_000, 3_000_000):
        response = client.post("/v1/queries", content=b">a\n" + b"ACGT" * (size // 4))
        assert response.status_code == 413
        assert f"{size / 1e6:.1f} MB were sent, 1 MB are allowed" in response.json()["detail"]
    assert uploads(tmp_path / "data") == []


def test_a_disk_without_room_refuses_uploads(opened: Opened) -> None:
    client = opened(limits=Limits(free_bytes=10**18))
    response = client.post("/v1/queries", content=SEQUENCE)
    assert (response.status_code, response.json()["type"]) == (507, "/problems/disk")
    assert "MB free, 1,000,000,000,000 MB are required; ask the operator" in response.json()["detail"]
    assert client.get("/readyz").status_code == 507


def test_a_service_without_workers_is_not_ready(opened: Opened) -> None:
    response = opened().get("/readyz")
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    assert response.json()["title"] == "No worker is ready"


def test_with_keys_requests_need_one(opened: Opened, tmp_path: Path) -> None:
    data = tmp_path / "data"
    key, other = make_key(data, "me"), make_key(data, "you")
    client = opened(keys=True)
    assert client.get("/healthz").status_code == 200
    for path in ("/v1/index", "/metrics", "/v1/queries/x"):
        response = client.get(path)
        assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")
    wrong = client.get("/v1/index", headers={"X-API-Key": "gx_wrong"})
    assert (wrong.status_code, "not known" in wrong.json()["detail"]) == (401, True)
    for headers in ({"X-API-Key": key}, {"Authorization": f"Bearer {key}"}):
        assert client.get("/v1/index", headers=headers).status_code == 200
    mine, yours = {"X-API-Key": key}, {"X-API-Key": other}
    job = client.post("/v1/queries", content=SEQUENCE, headers=mine).json()
    assert client.get(job["links"]["self"], headers=yours).status_code == 200  # the link was shared
    assert client.delete(job["links"]["self"], headers=yours).status_code == 403
    assert client.delete(job["links"]["self"], headers=mine).status_code == 204
    assert key.encode() not in (data / "service.sqlite").read_bytes()


def test_too_many_requests_get_a_retry_time(opened: Opened, tmp_path: Path) -> None:
    headers = {"X-API-Key": make_key(tmp_path / "data", "hasty")}
    client = opened(keys=True, limits=Limits(requests_each=1))
    assert client.get("/v1/queries/none", headers=headers).status_code == 404
    response = client.get("/v1/queries/none", headers=headers)
    assert response.status_code == 429
    assert "a caller may send 1 requests a minute; retry in" in response.json()["detail"]
    assert 1 <= int(response.headers["retry-after"]) <= 60


@pytest.mark.long
def test_a_job_that_takes_too_long_fails_with_a_sentence(
    opened: Opened, small_index: Path, tmp_path: Path
) -> None:
    limits, data = Limits(job_s=0.01), tmp_path / "data"
    client = opened(limits=limits)
    chance = random.Random(1)
    records = (b">r%d\n%s\n" % (number, bytes(chance.choices(b"ACGT", k=3_000))) for number in range(100))
    job = client.post("/v1/queries?genome_per=record", content=b"".join(records)).json()
    worker = Worker(ServeSettings(small_index, data, limits=limits), "worker")
    assert worker.answer_batch()
    worker.claims.close()
    failed = client.get(job["links"]["self"]).json()
    assert (failed["state"], failed["progress"]["answered"]) == ("failed", 64)
    assert "took longer than 0 s, the limit for a query" in failed["problem"]
    assert uploads(data) == []
    refused = client.get(job["links"]["calls"])
    assert (refused.status_code, refused.json()["detail"]) == (409, failed["problem"])


def test_a_worker_takes_the_callers_in_turn(small_index: Path, tmp_path: Path, demo: Path) -> None:
    """A caller with many large jobs delays the single genome of another caller by one batch."""
    settings = ServeSettings(small_index, tmp_path / "data")
    (settings.data / "uploads").mkdir(parents=True)
    jobs = Jobs(settings.data, settings.limits)

    def add(caller: str, number: int, records: int) -> str:
        id_, text = f"{caller}{number}", b"".join(b">r%d\nACGT\n" % record for record in range(records))
        path_of(settings.data, id_).write_bytes(text)
        upload = Upload(id_, "x.fa", len(text), records)
        return jobs.add(caller, upload, JobSettings(genome_per="record")).id

    many = [add("many", number, 200) for number in range(12)]
    worker = Worker(settings, "worker")
    assert worker.answer_batch()
    one = add("one", 0, 1)
    assert worker.answer_batch()
    assert jobs.get(one).state == "done"
    assert [jobs.get(job).state for job in many].count("done") == 0
    jobs.close()
    worker.claims.close()


def test_a_request_that_the_stop_of_the_service_interrupts_gets_a_retry_time(tmp_path: Path) -> None:
    """The server cancels the requests that outlast its grace period."""
    sent: list[dict] = []

    async def interrupted() -> None:
        is_running = asyncio.Event()

        async def endless(*_: object) -> None:
            is_running.set()
            await asyncio.Event().wait()

        async def send(message: dict) -> None:
            sent.append(message)

        settings = ServeSettings(tmp_path, tmp_path)
        scope = {"type": "http", "method": "GET", "path": "/v1/x", "headers": [(b"host", b"127.0.0.1")]}
        middleware = ServiceMiddleware(endless, settings, Metrics())
        request = asyncio.create_task(middleware(scope, send, send))
        await is_running.wait()
        request.cancel()
        await request

    finished(interrupted())
    start, body = sent
    assert (start["status"], dict(start["headers"])[b"retry-after"]) == (503, b"10")
    assert json.loads(body["body"])["type"] == "/problems/stopping"
