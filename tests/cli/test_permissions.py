"""Files and folders without permission: inputs, outputs, and an index that is read-only."""

from __future__ import annotations

import json
import re

import pytest
from helpers.command_line import (
    FULL,
    GENOME,
    answers,
    refused,
)

CLOSED = "permission denied; make it readable"


def closed_file(folder, close):
    (folder / "x.fa").write_bytes(GENOME)
    return close(folder / "x.fa")


def file_in_a_closed_folder(folder, close):
    (folder / "in").mkdir()
    (folder / "in" / "x.fa").write_bytes(GENOME)
    close(folder / "in")
    return folder / "in" / "x.fa"


def closed_folder(folder, close):
    return file_in_a_closed_folder(folder, close).parent


def closed_folder_beside_an_open_file(folder, close):
    (folder / "a.fa").write_bytes(GENOME)
    return closed_folder(folder, close).parent


@pytest.mark.parametrize(
    ("make", "ids"),
    [
        (closed_file, ["good", "x", "other"]),
        (file_in_a_closed_folder, ["good", "x", "other"]),
        (closed_folder, ["good", "{folder}/in", "other"]),
        (closed_folder_beside_an_open_file, ["good", "a", "{folder}/in", "other"]),
    ],
)
def test_what_may_not_be_read_has_its_row(gindex, small_index, good, other, tmp_path, close, make, ids):
    folder = tmp_path / "closed"
    folder.mkdir()
    given = make(folder, close)
    result = gindex("query", good, given, other, "--index", small_index, "--format", "jsonl")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["query"] for row in rows] == [one.format(folder=folder) for one in ids]
    assert [row["reason"].split(";")[0] for row in rows if row["verdict"] == "failed"] == [
        "permission denied"
    ]
    assert result.exit_code == 1
    assert re.search(r"\b1 failed\b.*; the reason is in the row of each failed input$", result.stderr)


def test_build_goes_on_without_what_may_not_be_read(gindex, good, tmp_path, close):
    (tmp_path / "closed").mkdir()
    given = closed_file(tmp_path / "closed", close)
    result = gindex("build", given, good, "--index", tmp_path / "index")
    assert result.exit_code == 1
    assert f"failed: {given}: x: {CLOSED}\n" in result.stderr


def test_a_folder_that_may_not_be_written_to_is_told(gindex, good, small_index, own_index, tmp_path, close):
    (tmp_path / "closed").mkdir()
    closed = close(tmp_path / "closed", 0o555)
    denied = FULL.format("Permission denied")
    assert refused(gindex("build", good, "--index", closed / "index"), f"{closed}/index: {denied}")
    output = closed / "calls.tsv"
    result = gindex("query", good, "--index", small_index, "--output", output)
    assert refused(result, f"{output}: {denied}")


def test_an_index_that_may_only_be_read_is_read(gindex, good, demo, own_index, close):
    for path in [own_index, *own_index.rglob("*")]:
        close(path, 0o555 if path.is_dir() else 0o444)
    assert answers(gindex, own_index, demo)
    for command in ("info", "list", "check", "evaluate"):
        assert gindex(command, "--index", own_index).exit_code == 0
    for command in (["add", good], ["remove", "DEMO_0001"], ["undo"], ["refit"]):
        result = gindex(*command, "--index", own_index)
        assert refused(result, f"{own_index}: {FULL.format('Permission denied')}")


@pytest.mark.parametrize(
    ("name", "of"),
    [
        ("CURRENT", "CURRENT"),
        ("snapshots/000001/manifest.json", "manifest.json"),
        ("snapshots/000001/vectors.faiss", "vectors.faiss"),
        ("snapshots/000001/catalog.duckdb", "catalog.duckdb"),
        ("snapshots", "manifest.json"),
    ],
)
@pytest.mark.parametrize("command", ["query", "check"])
def test_an_index_that_may_not_be_read_is_told(gindex, good, own_index, close, name, of, command):
    close(own_index / name)
    result = gindex(command, *([good] if command == "query" else []), "--index", own_index)
    assert (result.exit_code, result.stdout) == (2, "")
    assert re.match(f"gindex: {re.escape(str(own_index))}.*{of}: .*(?i:permission denied)", result.stderr)
