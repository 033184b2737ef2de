"""Command lines of gindex in tests: processes, their rows, and sentences that many tests expect."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from gindex_cli import app
from typer.testing import CliRunner

from helpers.ncbi_server import dna

GINDEX = Path(sys.executable).with_name("gindex")
FILE = ("--genome-per", "file")
GENOME = f">g\n{dna(1, 3000)}\n".encode()
OTHER = f">o\n{dna(2, 3000)}\n".encode()
GO_BACK = "Go back with `gindex undo`, or build it again."
FULL = "cannot write here ({}); make room or choose another folder, then run the same command again: "
FULL += "finished work is kept"
NO_INDEX = "no index at {nowhere}; make one with `gindex build INPUT... --index {nowhere}`"
QUERIES = {"sample": "Demobacter simulatus", "novel": "Specimenella", "stranger": None}
SEVERAL_RECORDS = "several records, read as one genome (--genome-per record makes each record one)"
NO_ENCODER = (
    "no encoder is called 'nt'; choose spectrum, profile, or give a language model: its folder, or its name "
    "on the hub (OWNER/NAME)"
)


def mostly_long(values, short):
    """The values for parametrize; those that are not in `short` run only with the long tests."""
    return [value if value in short else pytest.param(value, marks=pytest.mark.long) for value in values]


def rows(result):
    """The rows of `--format jsonl`."""
    return [json.loads(line) for line in result.stdout.splitlines()]


def invoke(*words):
    """A command line run in this process; the fixture `gindex`, for fixtures of a module."""
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)


def run(*words, **values):
    """A gindex of its own, as a shell starts it."""
    environment = {key: value for key, value in os.environ.items() if key != "GINDEX_INDEX"}
    values = {"capture_output": True, "text": True, "env": environment, "timeout": 60} | values
    return subprocess.run([GINDEX, *map(str, words)], **values)


def refused(result, sentence):
    """Whether a command ended as wrong use does: nothing on standard output, one sentence, exit code 2."""
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"gindex: {sentence}\n")
    return True


def answers(gindex, index, demo):
    result = gindex(
        "query", demo / "sample.fasta", "--genome-per", "file", "--index", index, "--format", "json"
    )
    return result.exit_code == 0 and json.loads(result.stdout)[0]["name"] == "Demobacter simulatus"
