"""The demo's transcript in README.md, written again from what `make demo` prints."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
BLOCK = re.compile(r"(<!-- transcript: make demo -->\n```console\n).*?(```)", re.DOTALL)
COMMAND = re.compile(r"^\t\$\(BIN\)/(gindex .*)$", re.MULTILINE)


def commands() -> list[str]:
    """The command lines of the target `demo`."""
    target = (ROOT / "Makefile").read_text(encoding="utf-8").split("\ndemo:")[1].split("\n\n")[0]
    return COMMAND.findall(target)


def transcript() -> str:
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "data").symlink_to(ROOT / "data")
        for command in commands():
            done = subprocess.run(
                [sys.executable, "-m", "gindex_cli", *command.split()[1:]], cwd=folder, check=True,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            )  # fmt: skip
            lines += [f"$ {command}\n", done.stdout]
    return "".join(lines)


def main() -> None:
    text = transcript()
    readme = README.read_text(encoding="utf-8")
    README.write_text(BLOCK.sub(lambda match: match[1] + text + match[2], readme), encoding="utf-8")
    sys.stdout.write("README.md\n")


if __name__ == "__main__":
    main()
