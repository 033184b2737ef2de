"""Which index a command opens: --index, GINDEX_INDEX, or the default folder."""

from __future__ import annotations

import shutil

import pytest
from helpers.command_line import (
    FILE,
    mostly_long,
)


@pytest.mark.parametrize("command", mostly_long(["query", "list", "info", "check"], ["list", "check"]))
def test_the_index_is_the_option_else_the_environment_else_the_default(
    gindex, demo, demo_index, small_index, tmp_path, monkeypatch, command
):
    words = [command, *([demo / "novel.fasta", "--format", "json"] if command == "query" else [])]
    monkeypatch.chdir(tmp_path)

    def outcome(*more):
        result = gindex(*words, *more)
        return result.exit_code, (result.stdout + result.stderr).replace(str(demo_index), "INDEX")

    expected = outcome("--index", demo_index)
    assert expected[0] == 0
    missing = "gindex: no index at gindex-index; make one with `gindex build INPUT... --index gindex-index`\n"
    assert outcome() == (2, missing)
    monkeypatch.setenv("GINDEX_INDEX", str(demo_index))
    assert outcome() == expected
    assert outcome("--index", "nowhere")[0] == 2
    monkeypatch.setenv("GINDEX_INDEX", str(small_index))
    assert outcome("--index", demo_index) == expected
    monkeypatch.delenv("GINDEX_INDEX")
    shutil.copytree(demo_index, "gindex-index")
    assert outcome() == (0, expected[1].replace("INDEX", "gindex-index"))


def test_build_makes_the_default_index(gindex, six_genomes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert gindex("build", *six_genomes[:2], *FILE).exit_code == 0
    assert (tmp_path / "gindex-index" / "CURRENT").read_text() == "000001\n"
