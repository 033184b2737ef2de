"""Connections, names and proxies in front of `gindex serve`, by sockets on loopback."""

from __future__ import annotations

import asyncio
import resource
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")
uvicorn = pytest.importorskip("uvicorn", reason="the extra serve is not installed")

from helpers.fasta import Gindex
from helpers.open_application import Opened
from helpers.running_service import DEADLINE_S, Running, make_key, wait_until

from genome_index.service import connections
from genome_index.service.connections import Connection
from genome_index.service.server import MOST_CONNECTIONS, _configuration
from genome_index.service.settings import ServeSettings

GET = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
UNFINISHED = {
    "nothing": b"",
    "half a header": b"GET /healthz HTTP/1.1\r\nHost: 127.0",
    "half a body": b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nkey=",
    "half a second header": GET + GET[:-4],
}


async def read_all(scope: dict, receive: Callable, send: Callable) -> None:
    """An application that reads the body of a request and answers 200."""
    if scope["type"] == "http":
        while (message := await receive()).get("more_body"):
            pass
        if message["type"] == "http.request":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"read"})


@contextmanager
def serving(most: int) -> Iterator[tuple[tuple[str, int], uvicorn.Server]]:
    """Address and server of `read_all`, in a thread; silent connections give way beyond `most / 2`."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    config = uvicorn.Config(
        read_all, http=Connection, ws="none", limit_concurrency=most, lifespan="off", log_config=None
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=asyncio.run, args=(server.serve([listener]),))
    thread.start()
    try:
        wait_until(lambda: server.started, "the server listens")
        yield listener.getsockname(), server
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def connected(address: tuple[str, int], content: bytes = b"") -> socket.socket:
    connection = socket.create_connection(address, DEADLINE_S)
    connection.sendall(content)
    return connection


def is_answered(address: tuple[str, int]) -> bool:
    with connected(address, GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")) as connection:
        return b"".join(iter(lambda: connection.recv(4096), b"")).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("content", UNFINISHED.values(), ids=UNFINISHED.keys())
def test_silent_connections_give_way(content: bytes) -> None:
    with serving(40) as (address, server), ExitStack() as held:
        for _ in range(60):
            held.enter_context(connected(address, content))
        assert is_answered(address)
        assert len(server.server_state.connections) in (19, 20)  # the answered one may still be closing


def test_a_caller_that_sends_does_not_give_way() -> None:
    head = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: 100\r\n\r\n"
    with serving(40) as (address, server), ExitStack() as held, connected(address, head) as upload:
        for sent in range(100):
            held.enter_context(connected(address))
            assert is_answered(address)  # so that the server has seen the connections and the last byte
            upload.sendall(b"x")
            assert is_answered(address), sent
        assert b"".join(iter(lambda: upload.recv(4096), b"")).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("name", ["nothing", "half a header", "half a second header"])
def test_a_connection_without_a_request_ends(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(connections, "REQUEST_S", 0.1)
    with serving(20) as (address, _), connected(address, UNFINISHED[name]) as connection:
        answers = b"".join(iter(lambda: connection.recv(4096), b""))  # to the end of the connection
    assert answers.count(b"HTTP/1.1 200 ") == int(name == "half a second header")


def test_a_header_that_comes_byte_by_byte_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REQUEST_S", 0.1)
    with serving(20) as (address, _), connected(address, GET[:-2] + b"X-Long: ") as connection:
        connection.settimeout(0.005)
        assert dripped(connection, most=1_000) == b""  # closed


def dripped(connection: socket.socket, most: int) -> bytes | None:
    """What a server sends, or the end of the connection, while it gets a byte now and then."""
    for _ in range(most):
        try:
            return connection.recv(4096)
        except ConnectionError:
            return b""
        except TimeoutError:
            with suppress(ConnectionError):  # its end is received next
                connection.send(b"x")
    return None


def test_a_request_that_takes_long_is_not_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REQUEST_S", 0.05)
    head = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4\r\nConnection: close\r\n\r\n"
    with serving(20) as (address, server), connected(address, head) as upload:
        with connected(address) as silent:  # it comes later, and is ended
            assert silent.recv(1) == b""
        upload.sendall(b"body")
        assert b"".join(iter(lambda: upload.recv(4096), b"")).endswith(b"read\r\n0\r\n\r\n")
        wait_until(lambda: not server.server_state.connections, "both connections have ended")


def test_more_silent_connections_than_allowed_do_not_close_the_service(service: Running) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 2 * MOST_CONNECTIONS + 1_000
    if hard != resource.RLIM_INFINITY and hard < needed:
        pytest.skip(f"a process may open {hard} files here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
    url = urlsplit(service.url)
    address = (url.hostname or "", url.port or 0)
    with ExitStack() as held:
        for number in range(2 * MOST_CONNECTIONS + 3):
            held.enter_context(connected(address, [b"", UNFINISHED["half a header"]][number % 2]))
        for path in ("/healthz", "/v1/index", "/"):
            assert service.get(path).status_code == 200
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("target", [b"[", b"http://[", b"*", b"@[", b"[/v1/index", b"x:80"])
@pytest.mark.parametrize("method", [b"GET", b"OPTIONS", b"CONNECT", b"POST"])
def test_a_target_that_is_no_path_is_refused(service: Running, method: bytes, target: bytes) -> None:
    url = urlsplit(service.url)
    head = method + b" " + target + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    with connected((url.hostname or "", url.port or 0), head) as connection:
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"/problems/malformed" in answer


# -- names and proxies


def test_a_public_name_requires_a_key(small_index: Path, tmp_path: Path, gindex: Gindex) -> None:
    """A proxy lets other machines in, whatever address the service listens at."""
    options = ("--index", small_index, "--port", 0, "--data", tmp_path)
    result = gindex("serve", *options, "--allow-host", "localhost", "--allow-host", "genomes.example.org")
    assert (result.exit_code, result.stderr) == (
        2,
        "gindex: --allow-host genomes.example.org admits other machines through a proxy and requires an API "
        f"key, and {tmp_path} has none; make one with `gindex key add NAME --data {tmp_path}`\n",
    )


def test_a_service_with_a_public_name_asks_for_the_key(opened: Opened, tmp_path: Path) -> None:
    key = make_key(tmp_path / "data", "me")
    client = opened(names=("genomes.example.org",))
    for host in ("genomes.example.org", "127.0.0.1"):
        headers = {"Host": host, "X-Forwarded-For": "203.0.113.9"}
        assert client.get("/v1/index", headers=headers).status_code == 401
        assert client.get("/v1/index", headers={**headers, "X-API-Key": key}).status_code == 200


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
def test_a_further_name_of_this_machine_requires_no_key(opened: Opened, name: str) -> None:
    assert opened(names=(name,)).get("/v1/index").status_code == 200


def test_without_keys_nobody_names_another_caller(service: Running) -> None:
    ids = []
    for forwarded in ("203.0.113.9", "x; DROP", "a" * 300):
        headers = {"X-Forwarded-For": forwarded, "X-Forwarded-Proto": "https", "Forwarded": "for=9.9.9.9"}
        ids.append(service.post("/v1/queries", content=b">a\n" + b"ACGT" * 99, headers=headers).json()["id"])
    with closing(sqlite3.connect(service.data / "service.sqlite")) as database:
        marks = ", ".join("?" * len(ids))
        rows = database.execute(f"SELECT DISTINCT caller FROM jobs WHERE id IN ({marks})", ids).fetchall()
    assert rows == [("host 127.0.0.1",)]


@pytest.mark.parametrize(
    ("settings", "believed"),
    [({}, False), ({"keys": True}, True), ({"names": ("a.example",)}, True), ({"host": "0.0.0.0"}, True)],
)
def test_a_proxy_is_believed_with_keys_only(tmp_path: Path, settings: dict, believed: bool) -> None:
    config = _configuration(read_all, ServeSettings(tmp_path, tmp_path, **settings), 10)
    assert (config.proxy_headers, config.http, config.limit_concurrency) == (believed, Connection, 10)


def test_behind_a_proxy_with_tls_the_cookie_is_secure(changing_service) -> None:
    service = changing_service.service
    key = changing_service.admin["X-API-Key"]
    for scheme in ("https", "http"):
        response = service.post("/login", data={"key": key}, headers={"X-Forwarded-Proto": scheme})
        assert response.status_code == 303
        assert ("Secure" in response.headers["set-cookie"]) == (scheme == "https")


# -- open files


@pytest.mark.parametrize(
    ("soft", "hard", "files"), [(256, 4096, 2200), (256, 1024, 1024), (3000, 4096, 2200)]
)  # fmt: skip
def test_the_limit_of_open_files_is_raised_where_it_may(soft: int, hard: int, files: int) -> None:
    code = (
        "import resource; from genome_index.service.server import _files\n"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))\n"
        "print(_files(), resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"{files} ({max(soft, files)}, {hard})\n"
