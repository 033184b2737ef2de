"""gindex as a process: exit codes, closed pipes, interruption, number of threads."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from gindex_cli.run import guarded
from helpers.command_line import (
    FILE,
    GINDEX,
    mostly_long,
    run,
)

from genome_index.index.parallel import VARIABLES, bound_threads


@pytest.mark.long
def test_exit_codes_of_real_processes(demo, small_index, tmp_path):
    sample = demo / "sample.fasta"
    codes = {
        0: run("query", sample, "--index", small_index, *FILE),
        1: run("query", sample, tmp_path / "x.fa", "--index", small_index, *FILE),
        2: run("query", sample, "--index", tmp_path / "nowhere"),
    }
    assert [done.returncode for done in codes.values()] == list(codes)
    assert codes[0].stderr == ""
    assert codes[1].stderr == "2 inputs: 1 species, 1 failed; the reason is in the row of each failed input\n"
    nowhere = tmp_path / "nowhere"
    assert codes[2].stderr == (
        f"gindex: no index at {nowhere}; make one with `gindex build INPUT... --index {nowhere}`\n"
    )
    assert codes[0].stdout.startswith("sample: Demobacter simulatus (species), confidence ")
    assert codes[1].stdout.startswith(codes[0].stdout)
    assert codes[2].stdout == ""


MUCH = [
    "sql \"SELECT repeat('x', 1000) FROM range(1000)\" --format tsv",
    "query {demo}/genomes/DEMO_000?.fa.gz --genome-per file -k 50 --format json",
]


@pytest.mark.parametrize("command", mostly_long(MUCH, MUCH[:1]))
def test_head_closes_the_pipe_in_silence(demo, demo_index, command):
    """More than a pipe holds, so that the writing itself is what fails."""
    words = f"{command.format(demo=demo)} --index {demo_index}"
    line = f"{GINDEX} {words} | head -n 1; echo ${{PIPESTATUS[0]}} >&2"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60)
    assert len(done.stdout.splitlines()) == 1
    assert re.fullmatch(r"\d+\n", done.stderr)


LITTLE = ["list", "query {sample} --genome-per file", "query {sample} --format jsonl {file}", "info"]


@pytest.mark.parametrize("command", mostly_long(LITTLE, LITTLE[:1]))
def test_a_pipe_closed_at_once_is_silence(demo, small_index, command):
    """Little is written, so that it is the last flush that fails."""
    words = command.format(sample=demo / "sample.fasta", file="--genome-per file").split()
    process = subprocess.Popen(
        [GINDEX, *words, "--index", str(small_index)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdout.close()
    with process.stderr:
        assert process.stderr.read() == ""
    assert process.wait(60) in (0, 1)


@pytest.mark.parametrize(
    ("name", "error", "code", "said"),
    [
        ("build", KeyboardInterrupt(), 130,
         "gindex: interrupted; finished work is kept: run the same command again to continue"),
        ("compare", KeyboardInterrupt(), 130, "gindex: interrupted"),
        ("build", MemoryError(), 2,
         "gindex: not enough memory; give fewer or smaller genomes, or a smaller model"),
    ],
)  # fmt: skip
def test_how_a_command_ends_that_was_stopped(capsys, name: str, error: BaseException, code: int, said: str):
    def command() -> None:
        raise error

    command.__name__ = name
    with pytest.raises(typer.Exit) as stopped:
        guarded(command)()
    assert stopped.value.exit_code == code
    assert capsys.readouterr().err == f"{said}\n"


@pytest.mark.long
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one processor is one thread anyway")
def test_libraries_keep_to_the_threads_asked_for(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    script = """
import gindex_cli
try:
    gindex_cli.main()
except SystemExit:
    import faiss, torch
    print(torch.get_num_threads(), faiss.omp_get_max_threads())
"""
    command = [sys.executable, "-c", script, "refit", "--index", str(tmp_path / "none"), "--threads"]
    one = subprocess.run([*command, "1"], capture_output=True, text=True, check=True)
    assert one.stdout == "1 1\n"


def test_what_is_bound_lower_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, before in zip(VARIABLES, ("1", "8", "", "many", "3"), strict=True):
        monkeypatch.setenv(name, before)
    bound_threads(4)
    assert [os.environ[name] for name in VARIABLES] == ["1", "4", "4", "4", "3"]
