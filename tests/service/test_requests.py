"""Requests that are repeated, malformed or too large, to the application without worker processes."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")

from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from helpers.event_loop import finished
from helpers.open_application import Opened
from helpers.running_service import make_key
from starlette.requests import Request

from genome_index.service.problems import Problem
from genome_index.service.routes import small_bodies

FIRST = b">a\n" + b"ACGT" * 200 + b"\n"
SECOND = b">a\n" + b"TGCA" * 200 + b"\n"  # of the same size


def test_a_key_with_another_genome_of_the_same_name_and_size_is_refused(opened: Opened) -> None:
    client, headers = opened(), {"Idempotency-Key": "sample-7"}

    def send(content: bytes) -> tuple[int, dict]:
        files = {"file": ("s7.fasta", content)}
        response = client.post("/v1/queries", files=files, headers=headers)
        return response.status_code, response.json()

    assert len(FIRST) == len(SECOND)
    status, accepted = send(FIRST)
    assert status == 202
    for again in (FIRST, gzip.compress(FIRST)):  # the sequence counts, not how it is packed
        assert send(again)[1]["id"] == accepted["id"]
    status, problem = send(SECOND)
    assert (status, problem["type"]) == (422, "/problems/token")
    assert "the key came with s7.fasta of 804 bytes before; choose a new key" in problem["detail"]


# -- bodies of callers without a key


def test_no_route_lets_the_framework_read_a_body(opened: Opened, tmp_path: Path) -> None:
    """The framework reads a declared body before it looks for a key, whatever its size."""
    make_key(tmp_path / "data", "boss", admin=True)
    app = opened(keys=True, admin=True).app
    routes = [route for route in iter_routes(app.routes) if isinstance(route, APIRoute)]
    assert {"/login", "/v1/queries", "/v1/genomes/{genome_id:path}"} <= {route.path for route in routes}
    assert [route.path for route in routes if route.body_field is not None] == []


def iter_routes(routes: Iterable[object]) -> Iterator[object]:
    """All routes, also those of routers in routers."""
    for route in routes:
        yield route
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from iter_routes(inner.routes)


@pytest.mark.parametrize("size", [None, 300_000_000])
def test_a_body_without_a_key_is_not_read(opened: Opened, tmp_path: Path, size: int | None) -> None:
    make_key(tmp_path / "data", "boss", admin=True)
    client = opened(keys=True, admin=True)
    headers = {"Content-Type": "application/json"} | ({"Content-Length": str(size)} if size else {})
    for method, path in (
        ("PATCH", "/v1/genomes/DEMO_0001"), ("POST", "/v1/genomes"), ("POST", "/v1/queries"),
        ("POST", "/v1/index/undo"),
    ):  # fmt: skip
        scope_read, status = sent(client, method, path, headers)
        assert (status, scope_read) == (401, 0), path


def sent(client: TestClient, method: str, path: str, headers: dict[str, str]) -> tuple[int, int]:
    """How often the application asked for a piece of the body of a request, and the status of its answer."""
    reads, status = 0, 0

    async def receive() -> dict[str, object]:
        nonlocal reads
        reads += 1
        return {"type": "http.request", "body": b"[" * 50_000, "more_body": True}

    async def send(message: dict) -> None:
        nonlocal status
        status = message.get("status", status)

    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"",
        "scheme": "http", "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 1), "root_path": "",
        "headers": [(b"host", b"127.0.0.1"), *((k.lower().encode(), v.encode()) for k, v in headers.items())],
    }  # fmt: skip
    finished(client.app(scope, receive, send))
    return reads, status


def test_names_of_a_genome_are_small(opened: Opened, tmp_path: Path) -> None:
    headers = {"X-API-Key": make_key(tmp_path / "data", "boss", admin=True)}
    client = opened(keys=True, admin=True)
    path = "/v1/genomes/DEMO_0001"
    large = client.patch(path, json={"species": "x" * 70_000}, headers=headers)
    assert (large.status_code, large.json()["type"]) == (413, "/problems/too-large")
    assert "64,000 are allowed" in large.json()["detail"]
    reads, status = sent(client, "PATCH", path, headers)
    assert (reads, status) == (2, 413)
    for body, field in ((b"{}", "body"), (b'{"species": 1}', "species"), (b"[", "body"), (b"\xff", "body")):
        wrong = client.patch(path, content=body, headers=headers)
        assert (wrong.status_code, wrong.json()["type"]) == (422, "/problems/values")
        assert wrong.json()["detail"].startswith(f"{field}: "), wrong.text
    assert client.patch(path, json={"species": "Novus nomen"}, headers=headers).status_code == 202


LOGIN_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data; boundary=b")


@pytest.mark.parametrize("kind", LOGIN_FORMS)
def test_the_login_reads_a_small_form_only(opened: Opened, tmp_path: Path, kind: str) -> None:
    make_key(tmp_path / "data", "me")
    client = opened(keys=True)
    assert sent(client, "POST", "/login", {"Content-Type": kind}) == (2, 413)
    assert sent(client, "POST", "/login", {"Content-Type": kind, "Content-Length": "300000000"}) == (0, 413)


def test_the_login_takes_a_key_and_no_file(opened: Opened, tmp_path: Path) -> None:
    key = make_key(tmp_path / "data", "me")
    client = opened(keys=True)
    for form in ({"data": {"key": key, "next": "/about"}}, {"files": {"key": (None, f" {key}\n")}}):
        response = client.post("/login", follow_redirects=False, **form)
        assert (response.status_code, "gindex-key" in response.cookies) == (303, True)
    assert client.post("/login", files={"key": ("key.txt", key)}).status_code == 400
    assert client.post("/login", data={"key": "gx_wrong"}).status_code == 401
    assert client.post("/login", data={}).status_code == 401


def test_an_unfinished_login_ends(opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_key(tmp_path / "data", "me")
    client = opened(keys=True)
    monkeypatch.setattr(small_bodies, "MOST_S", 0.01)

    async def silent() -> dict[str, object]:
        await asyncio.Event().wait()
        return {}

    request = Request({"type": "http", "headers": [], "app": client.app}, silent)
    with pytest.raises(Problem, match="incomplete after") as caught:
        finished(small_bodies.small_form(request))
    assert caught.value.status == 408


# -- malformed headers


@pytest.mark.parametrize("host", ["[", "[::1", "127.0.0.1:port", "127.0.0.1:99999", "]", "[x]", "a[b"])
@pytest.mark.parametrize("path", ["/healthz", "/v1/index", "/nothing", "/login"])
def test_a_malformed_host_is_refused(opened: Opened, host: str, path: str) -> None:
    response = opened().get(path, headers={"Host": host, "Accept": "text/html"})
    assert (response.status_code, response.json()["type"]) == (400, "/problems/malformed")
    assert "NAME:PORT" in response.json()["detail"]


@pytest.mark.parametrize("origin", ["http://[", "http://[x]", "null", "", "http://127.0.0.1:port", "["])
def test_a_malformed_origin_is_another_site(opened: Opened, origin: str) -> None:
    response = opened().post("/v1/queries", content=FIRST, headers={"Origin": origin})
    assert (response.status_code, response.json()["type"]) == (403, "/problems/cross-site")


@pytest.mark.parametrize(
    "headers",
    [{"Referer": "http://["}, {"X-Forwarded-For": "["}, {"X-Forwarded-Proto": "["}, {"Accept": "["},
     {"Cookie": "gindex-key=[\xff"}, {"Authorization": "Bearer \xff"}, {"X-API-Key": "\xff["},
     {"Accept-Encoding": "["}, {"Content-Type": "multipart/form-data"}, {"Content-Type": "["},
     {"Content-Type": "multipart/form-data; boundary=\xff"}, {"Content-Length": "\xb2"},
     {"Idempotency-Key": "\xff"}],
    ids=str,
)  # fmt: skip
def test_other_odd_headers_end_in_no_server_error(opened: Opened, headers: dict[str, str]) -> None:
    client = opened()
    encoded = {name: value.encode("latin-1") for name, value in headers.items()}
    for path in ("/v1/queries", "/queries", "/login"):
        assert client.post(path, content=FIRST, headers=encoded).status_code < 500
        assert client.get(path, headers=encoded).status_code < 500
