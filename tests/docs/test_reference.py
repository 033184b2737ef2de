"""Generated pages are what the code says now, the built site is whole, and every public name is in it."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from helpers.fasta import ROOT
from helpers.pages import DOCS, pages, script

import genome_index

GENERATED = script("generate").pages()


@pytest.mark.parametrize("path", GENERATED, ids=lambda path: path.name)
def test_generated_pages_are_up_to_date(path):
    assert path.read_text(encoding="utf-8") == GENERATED[path], "run `make docs-reference`"


def test_every_command_is_in_the_reference():
    done = subprocess.run(
        [sys.executable, "-m", "gindex_cli", "--help"], capture_output=True, text=True, check=True
    )
    commands = set(re.findall(r"^  ([a-z][a-z-]*)  ", done.stdout, re.MULTILINE))
    text = GENERATED[DOCS / "reference" / "command-line.md"]
    assert len(commands) >= 20
    assert commands <= set(re.findall(r"^### gindex (\S+)$", text, re.MULTILINE))


def test_every_module_is_in_the_architecture():
    text = GENERATED[DOCS / "development" / "architecture.md"]
    modules = [path for folder in ("genome_index", "cli") for path in (ROOT / folder).rglob("*.py")]
    listed = re.findall(r"^\| `(\w+\.py)` \| \S", text, re.MULTILINE)  # with its first line
    assert sorted(listed) == sorted(path.name for path in modules if path.name != "__init__.py")


def test_every_field_of_the_schemas_is_in_the_reference():
    text = GENERATED[DOCS / "reference" / "json.md"]
    for field in ("verdict", "confidence", "hits", "provenance", "kmer_identity"):
        assert re.search(rf"\| `[\w.\[\]]*{field}` \|", text), field


def test_links_and_pictures_of_the_readme_exist():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = [*re.findall(r"\]\(([^)]+)\)", text), *re.findall(r'src="([^"]+)"', text)]
    assert len(targets) > 8
    for target in targets:
        if not target.startswith("http"):
            assert (ROOT / target.split("#")[0]).exists(), target


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_bytes()) <= 8_000


def test_pages_say_nothing_of_files_that_do_not_exist():
    """Paths of the repository in code font: `genome_index/...`, `tests/...`, `data/...`."""
    for page in pages():
        for path in re.findall(r"`((?:genome_index|tests|data|docs|cli)/[\w./-]+)`", page.text):
            if "NAME" not in path:  # which stands for a name of the reader's choice
                assert (ROOT / path).exists(), f"{page.name}: {path}"


@pytest.mark.long
def test_the_site_builds_strictly_and_asks_no_other_host(tmp_path):
    pytest.importorskip("mkdocs", reason="the extra docs is not installed")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    built = sorted((tmp_path / "site").rglob("*.html"))
    assert len(built) >= len(list(DOCS.rglob("*.md")))
    for path in built:
        loaded = re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="(https?:)?//([^/"]+)', path.read_text())
        assert loaded == [], path
    api = (tmp_path / "site" / "reference" / "python.html").read_text()
    for name in genome_index.__all__:
        assert f'id="genome_index.{name}"' in api, name
