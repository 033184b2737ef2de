"""An orderly stop of `gindex serve` while callers wait or send: every caller learns how to go on."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")
psutil = pytest.importorskip("psutil", reason="psutil is not installed")

from helpers.running_service import DEADLINE_S, Running, running, wait_until

from genome_index.service.client.client import Client
from genome_index.service.jobs.queue import Jobs
from genome_index.service.settings import Limits


@pytest.fixture(scope="module")
def sample(demo: Path) -> bytes:
    return (demo / "sample.fasta").read_bytes()


def hold_workers(service: Running) -> None:
    """Stop the processes of the workers, so that accepted queries wait until the service is started again."""
    for child in psutil.Process(service.process.pid).children(recursive=True):
        child.suspend()


def has_jobs(data: Path, number: int) -> bool:
    with closing(Jobs(data, Limits())) as jobs:
        return sum(jobs.counts().values()) == number


def unfinished_upload(url: str) -> socket.socket:
    """A connection with a query whose body never ends."""
    address = urlsplit(url)
    connection = socket.create_connection((address.hostname, address.port), DEADLINE_S)
    connection.sendall(
        b"POST /v1/queries HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n"
        b"Content-Type: application/octet-stream\r\n\r\n>a\nACGT"
    )
    return connection


def received(connection: socket.socket) -> tuple[str, dict[str, str], bytes]:
    """Status line, headers and body of the response on a connection, read to its end."""
    content = b"".join(iter(lambda: connection.recv(65_536), b""))
    head, _, body = content.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    return status, dict(line.lower().split(": ", 1) for line in lines), body


@pytest.mark.long
def test_a_stop_answers_who_waits_and_refuses_who_still_sends(
    small_index: Path, tmp_path: Path, sample: bytes
) -> None:
    data = tmp_path / "data"
    with running(small_index, data) as service, ThreadPoolExecutor(1) as pool:
        hold_workers(service)
        with closing(unfinished_upload(service.url)) as upload:
            wait_until(lambda: list((data / "uploads").glob(".*.raw")), "the upload has begun")
            waiting = pool.submit(service.post, "/v1/queries?wait=true", content=sample)
            wait_until(lambda: has_jobs(data, 1), "the query is accepted")
            assert service.stop() == 0
            answer = waiting.result(DEADLINE_S)
            status, headers, body = received(upload)
    assert (answer.status_code, answer.json()["state"]) == (202, "queued")
    assert answer.headers["location"] == f"/v1/queries/{answer.json()['id']}"
    assert (status, headers["retry-after"]) == ("HTTP/1.1 503 Service Unavailable", "10")
    assert (headers["content-type"], json.loads(body)["type"]) == (
        "application/problem+json", "/problems/stopping",
    )  # fmt: skip
    with running(small_index, data) as service:
        assert service.finished(answer.json()["id"])["state"] == "done"


@pytest.mark.long
def test_the_client_waits_through_an_orderly_restart(
    small_index: Path, tmp_path: Path, sample: bytes
) -> None:
    data = tmp_path / "data"
    with (
        running(small_index, data) as first,
        ThreadPoolExecutor(2) as pool,
        Client(first.url, patience=DEADLINE_S) as client,
        Client(first.url, patience=DEADLINE_S) as other,
    ):
        hold_workers(first)
        waiting = pool.submit(client.wait, client.submit(sample))
        asking = pool.submit(other.query, sample)
        wait_until(lambda: has_jobs(data, 2), "both queries are accepted")
        assert first.stop() == 0
        with running(small_index, data, "--port", str(urlsplit(first.url).port)):
            assert waiting.result(DEADLINE_S).state == "done"
            assert [call["verdict"] for call in asking.result(DEADLINE_S)] == ["species"]
    assert has_jobs(data, 2)
