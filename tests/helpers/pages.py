"""Pages of README and docs, their code blocks, and the scripts that write some of them."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from helpers.fasta import ROOT

DOCS = ROOT / "docs"
RUNNABLE = ("bash", "console", "python")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NOT_RUN = re.compile(r"<!-- not run: (.+) -->\s*\Z")
WORKSPACE = re.compile(r"<!-- workspace: (.+) -->")


@dataclass(frozen=True)
class Block:
    language: str  # "" where the fence names none
    text: str
    line: int  # of the opening fence, 1-based
    not_run: str | None  # why the block cannot run in a test

    @property
    def commands(self) -> list[str]:
        """The command lines of a block; of a console transcript those after a prompt."""
        lines = self.text.splitlines()
        if self.language == "console":
            return [line[2:] for line in lines if line.startswith("$ ")]
        return [line for line in lines if line.strip() and not line.startswith("#")]


@dataclass(frozen=True)
class Page:
    path: Path

    @property
    def name(self) -> str:
        return str(self.path.relative_to(ROOT))

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def workspace(self) -> tuple[str, ...]:
        """What the page takes for granted besides genomes and their names: an index, a model."""
        match = WORKSPACE.search(self.text)
        return tuple(match[1].split(", ")) if match else ()

    def blocks(self) -> Iterator[Block]:
        for match in FENCE.finditer(self.text):
            before = self.text[: match.start()]
            reason = NOT_RUN.search(before)
            line = before.count("\n") + 1
            yield Block(match[1], match[2], line, reason[1] if reason else None)


def pages() -> list[Page]:
    """README, CONTRIBUTING and every page of the site that is written by hand or by a script."""
    return [Page(ROOT / "README.md"), Page(ROOT / "CONTRIBUTING.md"), *map(Page, sorted(DOCS.rglob("*.md")))]


def script(name: str) -> ModuleType:
    """A script of docs/, which is no package."""
    spec = importlib.util.spec_from_file_location(f"docs_{name}", DOCS / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
