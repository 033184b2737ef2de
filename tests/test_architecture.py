"""Rules of the code base: small files, folders that anybody finds, public names, versions, dependencies.

import-linter checks the layers in `make check`.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest
import yaml

import genome_index

ROOT = Path(__file__).parents[1]
LIBRARY = sorted((ROOT / "genome_index").rglob("*.py"))
FACES = sorted((ROOT / "cli").rglob("*.py"))
LONGEST_FILE, LONGEST_FUNCTION, MOST_MODULES = 450, 50, 15
FOLDERS = {
    "classify", "collection", "encoders", "evaluate", "index", "io", "lab", "report", "service", "taxonomy",
}  # fmt: skip
MODULES = {"__init__.py", "errors.py", "pipeline.py", "records.py", "spec.py"}
PACKAGES = {"genome_index": ROOT / "genome_index", "gindex_cli": ROOT / "cli"}


def test_library_never_imports_a_face() -> None:
    for path in LIBRARY:
        assert "gindex_cli" not in path.read_text(), path


@pytest.mark.parametrize("path", [*LIBRARY, *FACES], ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_stay_within_their_budget(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= LONGEST_FILE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < LONGEST_FUNCTION, node.name


def test_public_names_are_sorted_and_there() -> None:
    assert genome_index.__all__ == sorted(genome_index.__all__)
    assert set(genome_index.__all__) <= set(dir(genome_index))
    for name in genome_index.__all__:
        assert hasattr(genome_index, name)
    with pytest.raises(AttributeError, match="has no attribute 'Indexes'"):
        genome_index.Indexes  # noqa: B018  # a lookup, and nothing more


def test_the_package_has_the_folders_that_a_newcomer_expects() -> None:
    library = ROOT / "genome_index"
    assert {path.parent.name for path in library.glob("*/__init__.py")} == FOLDERS
    assert {path.name for path in library.glob("*.py")} == MODULES


def test_a_folder_holds_few_modules() -> None:
    counts = Counter(path.parent for path in LIBRARY if path.name != "__init__.py")
    assert len(counts) > 20
    for folder, count in counts.items():
        assert count <= MOST_MODULES, folder


def test_the_packages_listed_are_those_of_the_tree() -> None:
    """So that a wheel lacks none."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    found = {
        ".".join((name, *path.parent.relative_to(folder).parts))
        for name, folder in PACKAGES.items()
        for path in folder.rglob("__init__.py")
    }
    assert settings["packages"] == sorted(found)


def test_the_tests_have_the_same_folders() -> None:
    tests = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and path.name[0] != "_"}
    assert tests <= FOLDERS | {"bench", "cli", "contracts", "docs", "golden", "helpers"}
    assert tests >= FOLDERS


def test_every_module_begins_with_what_it_holds() -> None:
    for path in [*LIBRARY, *FACES]:
        if path.name not in ("__init__.py", "__main__.py"):
            first = (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]
            assert first, path


def test_every_command_is_in_the_readme() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gindex_cli", "--help"], capture_output=True, text=True, check=True
    )
    commands = set(re.findall(r"^  ([a-z][a-z-]*)  ", done.stdout, re.MULTILINE))
    section = (ROOT / "README.md").read_text().split("## Commands")[1].split("## ")[0]
    assert len(commands) >= 20
    assert commands <= set(re.findall(r"`(?:gindex )?([a-z-]+)`", section))


def test_the_version_is_the_same_everywhere() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    newest = re.search(r"^## (\S+) \((\d{4}-\d\d-\d\d)\)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert newest
    assert newest.groups() == (version, citation["date-released"])
    assert citation["version"] == version


def test_every_dependency_says_why() -> None:
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    listed = [line for line in lines if re.match(r'^  "[a-z].*[<>=]=', line)]
    assert len(listed) > 8
    for line in listed:
        assert "#" in line, line
