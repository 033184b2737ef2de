"""A running service for the tests: a process on loopback, started as a user starts it, and stopped."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

DEADLINE_S = 300.0  # for anything that a machine under load does in the end


def wait_until(condition: Callable[[], object], what: str, pause_s: float = 0.05) -> None:
    """Wait until a condition holds; `what` says what was waited for if it never does."""
    end = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end, f"not within {DEADLINE_S:g} s: {what}"
        time.sleep(pause_s)


@dataclass
class Running:
    """A service process."""

    url: str
    data: Path
    process: subprocess.Popen[str]
    log: Path

    def client(self, **values: object) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=DEADLINE_S, **values)

    def get(self, path: str, **values: object) -> httpx.Response:
        return httpx.get(self.url + path, timeout=DEADLINE_S, **values)

    def post(self, path: str, **values: object) -> httpx.Response:
        return httpx.post(self.url + path, timeout=DEADLINE_S, **values)

    def delete(self, path: str, **values: object) -> httpx.Response:
        return httpx.delete(self.url + path, timeout=DEADLINE_S, **values)

    def query(self, content: bytes, headers: dict[str, str] | None = None, **parameters: object) -> dict:
        """The document of a finished query: submitted with a raw body, then waited for."""
        accepted = self.post("/v1/queries", content=content, params=parameters, headers=headers)
        assert accepted.status_code == 202, accepted.text
        return self.finished(accepted.json()["id"], headers)

    def finished(self, job_id: str, headers: dict[str, str] | None = None) -> dict:
        """The document of a query when it is finished, however long that takes on a busy machine."""
        document: dict = {}

        def is_finished() -> bool:
            document.update(self.get(f"/v1/queries/{job_id}?wait=true", headers=headers).json())
            return document["state"] in ("done", "failed")

        wait_until(is_finished, f"query {job_id} is finished", 0.0)
        return document

    def kill(self) -> None:
        """End all its processes at once, as a power cut does."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE_S)


def start(index: Path, data: Path, *options: str, ready: bool = True) -> Running:
    """`gindex serve` on a free port of loopback."""
    data.parent.mkdir(parents=True, exist_ok=True)
    log = data.parent / f"{data.name}.log"
    command = [sys.executable, "-m", "gindex_cli", "serve", "--index", str(index), "--data", str(data)]
    with log.open("a") as out:
        before = out.tell()
        process = subprocess.Popen(
            [*command, "--port", "0", *options], stdout=out, stderr=out, text=True, start_new_session=True
        )
    try:
        service = Running(_url(process, log, before), data, process, log)
        if ready:
            wait_until(lambda: _is_ready(service), "the service is ready")
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    return service


def _url(process: subprocess.Popen[str], log: Path, before: int) -> str:
    def urls() -> list[str]:
        return re.findall(r"serving .* at (http://\S+)", log.read_text()[before:])

    wait_until(lambda: urls() or process.poll() is not None, "the service prints its address")
    assert urls(), f"the service did not start: {log.read_text()}"
    return urls()[-1]


def _is_ready(service: Running) -> bool:
    try:
        return httpx.get(f"{service.url}/readyz", timeout=DEADLINE_S).status_code == 200
    except httpx.ConnectError:  # it prints its address before it accepts connections
        assert service.process.poll() is None, service.log.read_text()
        return False


@contextmanager
def running(index: Path, data: Path, *options: str) -> Iterator[Running]:
    """A service that is ready; at the end it must stop in good order, without a traceback in its log."""
    service = start(index, data, *options)
    try:
        yield service
    finally:
        if service.process.poll() is None:
            code = service.stop()
            assert code == 0, service.log.read_text()
    assert "Traceback" not in service.log.read_text(), service.log.read_text()


def make_key(data: Path, name: str, admin: bool = False) -> str:
    """A new API key of a service, which may run already."""
    from genome_index.service.api_keys import add_key
    from genome_index.service.jobs.database import connect

    with closing(connect(data)) as database:
        return add_key(database, name, admin)
