"""The service against its own OpenAPI: schemathesis sends what the schema allows, and what it does not."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("schemathesis", reason="schemathesis is not installed")

from helpers.running_service import Running, a_key, running

EXAMPLES = 200  # an operation
ASKED_FOR = (  # a rank that is well-formed may still be unknown; a sequence is there only where it was kept
    "positive_data_acceptance,ensure_resource_availability"
)
# Of Python 3.11, where threads make syntax trees at once, as schemathesis's do when they look at its source.
RACE = "AST constructor recursion depth mismatch"
OF_KEYS = (
    "ignored_auth"  # a proxy's own Authorization may stand beside a key that is right; see test_serve.py
)


def schemathesis(service: Running, examples: int, *options: str, exclude: str = ASKED_FOR) -> str:
    """What `st run` says; a check that fails is an assertion."""
    command = [str(Path(sys.executable).with_name("st")), "run", f"{service.url}/v1/openapi.json"]
    environment = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": "openapi_hooks",
        "PYTHONPATH": str(Path(__file__).parents[1] / "helpers"),
    }
    for _ in range(3):
        done = subprocess.run(
            [*command, "--max-examples", str(examples), "--seed", "1", "--no-color", "--workers", "4",
             "--generation-database", "none", "--request-timeout", "90", "--exclude-checks", exclude,
             *options],
            env=environment, cwd=service.data.parent, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode == 0 or RACE not in done.stdout:
            break
    assert done.returncode == 0, done.stdout
    return done.stdout


def until_mapped(service: Running, **headers: str) -> None:
    end = time.monotonic() + 60
    while service.get("/v1/map", headers=headers).status_code == 503:
        assert time.monotonic() < end
        time.sleep(0.2)


def test_schemathesis_finds_nothing(service: Running) -> None:
    until_mapped(service)
    said = schemathesis(service, EXAMPLES)
    [generated] = re.findall(r"([\d,]+) generated", said)
    assert int(generated.replace(",", "")) > 2_000
    assert service.ask(b">a\n" + b"ACGT" * 999).status_code == 200


def test_schemathesis_finds_nothing_with_keys_and_write_endpoints(own_index: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    key = a_key(data, "boss", "--admin")
    with running(own_index, data, "--keys", "--admin") as service:
        until_mapped(service, **{"X-API-Key": key})
        phases = ["--phases", "examples,coverage,fuzzing"]
        schemathesis(service, 5, "--header", f"X-API-Key: {key}", *phases, exclude=f"{ASKED_FOR},{OF_KEYS}")
