"""The service against its own OpenAPI: schemathesis sends what the schema allows, and what it does not."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("schemathesis", reason="schemathesis is not installed")

from helpers.running_service import Running, make_key, running, wait_until

# A well-formed rank may be unknown, and a sequence may be deleted.
NOT_GUARANTEED = "positive_data_acceptance,ensure_resource_availability"
# An error of Python 3.11 if several threads parse source code at once, as schemathesis does.
RACE = "AST constructor recursion depth mismatch"
OF_KEYS = (
    "ignored_auth"  # a request may have a right key and the Authorization of a proxy; see test_routes.py
)


def schemathesis(service: Running, examples: int, *options: str, exclude: str = NOT_GUARANTEED) -> str:
    """The output of `st run`, which has found no failure."""
    command = [str(Path(sys.executable).with_name("st")), "run", f"{service.url}/v1/openapi.json"]
    environment = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": "openapi_hooks",
        "PYTHONPATH": str(Path(__file__).parents[1] / "helpers"),
    }
    for _ in range(3):
        done = subprocess.run(
            [*command, "--max-examples", str(examples), "--seed", "1", "--no-color", "--workers", "4",
             "--generation-database", "none", "--request-timeout", "300", "--exclude-checks", exclude,
             *options],
            env=environment, cwd=service.data.parent, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode == 0 or RACE not in done.stdout:
            break
    assert done.returncode == 0, done.stdout
    return done.stdout


def until_mapped(service: Running, **headers: str) -> None:
    wait_until(lambda: service.get("/v1/map", headers=headers).status_code != 503, "the map is made")


@pytest.mark.long
@pytest.mark.parametrize(
    ("examples", "phases", "least"),
    [(1, "fuzzing", 10), (200, "examples,coverage,fuzzing,stateful", 2_000)],
)
def test_schemathesis_finds_no_failure(service: Running, examples: int, phases: str, least: int) -> None:
    until_mapped(service)
    output = schemathesis(service, examples, "--phases", phases)
    [generated] = re.findall(r"([\d,]+) generated", output)
    assert int(generated.replace(",", "")) > least
    assert service.query(b">a\n" + b"ACGT" * 999)["state"] == "done"


@pytest.mark.long
def test_schemathesis_finds_no_failure_with_keys_and_write_endpoints(own_index: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    key = make_key(data, "boss", admin=True)
    with running(own_index, data, "--keys", "--admin") as service:
        until_mapped(service, **{"X-API-Key": key})
        phases = ["--phases", "examples,coverage,fuzzing"]
        schemathesis(
            service, 5, "--header", f"X-API-Key: {key}", *phases, exclude=f"{NOT_GUARANTEED},{OF_KEYS}"
        )
