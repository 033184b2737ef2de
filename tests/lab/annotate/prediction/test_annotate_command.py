"""`gindex annotate`: its inputs, and what it writes."""

from __future__ import annotations

from pathlib import Path

from gindex_cli import app
from typer.testing import CliRunner


def test_without_an_input_it_asks_for_one(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["annotate", "--model", str(tmp_path)])
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "gindex: no input: give files, folders, - for standard input, or --from-file LIST\n"
