"""A real service for the tests: its own process on loopback, started as a user starts it, and ended."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

STARTS_WITHIN_S, READY_WITHIN_S, ENDS_WITHIN_S = 60, 120, 60


@dataclass
class Running:
    """A service process."""

    url: str
    data: Path
    process: subprocess.Popen[str]
    log: Path

    def client(self, **values: object) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=120, **values)

    def get(self, path: str, **values: object) -> httpx.Response:
        return httpx.get(self.url + path, timeout=120, **values)

    def ask(self, content: bytes, **parameters: object) -> httpx.Response:
        """POST /v1/queries with a raw body, waiting for the answer."""
        values = {"wait": "true", **parameters}
        return httpx.post(f"{self.url}/v1/queries", content=content, params=values, timeout=120)

    def kill(self) -> None:
        """As a power cut would: no process of it has time for anything."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(ENDS_WITHIN_S)


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
        found = Running(_url(process, log, before), data, process, log)
        if ready:
            _until_ready(found)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    return found


def _url(process: subprocess.Popen[str], log: Path, before: int) -> str:
    end = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < end and process.poll() is None:
        if lines := re.findall(r"serving .* at (http://\S+)", log.read_text()[before:]):
            return str(lines[-1])
        time.sleep(0.05)
    raise AssertionError(f"the service did not start: {log.read_text()}")


def _until_ready(service: Running) -> None:
    end = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < end:
        try:
            if httpx.get(f"{service.url}/readyz").status_code == 200:
                return
        except httpx.ConnectError:  # it says where it will listen before it does
            assert service.process.poll() is None, service.log.read_text()
        time.sleep(0.05)
    raise AssertionError(f"the service was not ready: {service.log.read_text()}")


@contextmanager
def running(index: Path, data: Path, *options: str) -> Iterator[Running]:
    """A service that is ready; at the end it must stop in good order, without a traceback in its log."""
    found = start(index, data, *options)
    try:
        yield found
    finally:
        if found.process.poll() is None:
            code = found.stop()
            assert code == 0, found.log.read_text()
    assert "Traceback" not in found.log.read_text(), found.log.read_text()


def a_key(data: Path, name: str, *options: str) -> str:
    command = [sys.executable, "-m", "gindex_cli", "key", "add", name, "--data", str(data), *options]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
