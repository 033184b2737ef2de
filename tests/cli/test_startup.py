"""Start of a process: --help is quick, and no command loads libraries that it does not need."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest
from helpers.command_line import (
    FILE,
    run,
)

HEAVY = {
    "torch",
    "transformers",
    "numpy",
    "scipy",
    "faiss",
    "duckdb",
    "numba",
    "pyskani",
    "Bio",
    "sourmash",
    "sklearn",
    "rich",
}
NEVER_FOR_A_QUERY = {"torch", "transformers", "sourmash", "sklearn", "pandas", "matplotlib", "Bio", "pytest"}
LOADED = """
import sys
from gindex_cli import app
try:
    app(sys.argv[1:])
finally:
    print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


def loaded(*words):
    """The top-level modules that a process holds after a command."""
    command = [sys.executable, "-c", LOADED, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout
    found = set(done.stderr.splitlines()[-1].split())
    assert {"gindex_cli", "typer"} <= found
    return found


def cpu_seconds(*words):
    """User and system time of a process, the least of three."""
    spent = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert run(*words).returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(spent)


# The time is asserted where the modules are: alone it would come and go with the machine.
def test_help_is_quick_and_loads_nothing_heavy():
    assert loaded("--help") & HEAVY == set()
    assert cpu_seconds("--help") < 0.5


@pytest.mark.parametrize("words", ["query --help", "fetch --help"])
def test_help_of_a_command_loads_nothing_heavy(words):
    assert loaded(*words.split()) & HEAVY == set()


def test_a_query_loads_no_learning_library(demo, demo_index):
    found = loaded("query", demo / "sample.fasta", "--index", demo_index)
    assert {"numpy", "faiss", "duckdb"} <= found
    assert found & NEVER_FOR_A_QUERY == set()


@pytest.mark.long
def test_a_build_loads_no_learning_library(six_genomes, tmp_path):
    words = ["build", *six_genomes[:2], *FILE, "--index", tmp_path / "index"]
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *map(str, words)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found = set(done.stderr.splitlines()[-1].split())
    assert "faiss" in found
    assert found & NEVER_FOR_A_QUERY == set()
