"""The demo's transcript in README.md, written again from what `make demo` prints."""

from __future__ import annotations

import math
import re
import sys
import tempfile
from contextlib import chdir
from pathlib import Path

from gindex_cli import app, progress
from typer.testing import CliRunner

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
BLOCK = re.compile(r"(<!-- transcript: make demo -->\n```console\n).*?(```)", re.DOTALL)
SECONDS = re.compile(r" in \d+\.\d s")
COMMAND = re.compile(r"^\t\$\(BIN\)/(gindex .*)$", re.MULTILINE)


def commands() -> list[str]:
    """The command lines of the target `demo`."""
    target = (ROOT / "Makefile").read_text(encoding="utf-8").split("\ndemo:")[1].split("\n\n")[0]
    return COMMAND.findall(target)


def transcript() -> str:
    """Commands and what they print, without the progress lines that a slow machine shows."""
    progress.LINE_EVERY_S = math.inf
    lines = []
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        Path("data").symlink_to(ROOT / "data")
        for command in commands():
            result = CliRunner().invoke(app, command.split()[1:], catch_exceptions=False)
            lines += [f"$ {command}\n", result.output]
    return "".join(lines)


def main() -> None:
    readme = README.read_text(encoding="utf-8")
    text = BLOCK.sub(lambda match: match[1] + transcript() + match[2], readme)
    if SECONDS.sub("", text) != SECONDS.sub("", readme):  # a different time alone is no change
        README.write_text(text, encoding="utf-8")
    sys.stdout.write("README.md\n")


if __name__ == "__main__":
    main()
