"""The rules that keep the shape, as tests: one way down, small files, public names, the map."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import genome_index

ROOT = Path(__file__).parents[1]
LIBRARY = sorted((ROOT / "genome_index").rglob("*.py"))
FACES = sorted((ROOT / "cli").rglob("*.py"))
LONGEST_FILE, LONGEST_FUNCTION = 450, 50


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imports(path: Path) -> set[str]:
    """Modules of the library that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("genome_index"):
            known = {module_name(other) for other in LIBRARY}
            found |= {
                f"{node.module}.{name.name}" for name in node.names if f"{node.module}.{name.name}" in known
            }
            found.add(node.module)
    return found - {"genome_index"}


def test_imports_go_one_way() -> None:
    graph = {module_name(path): imports(path) for path in LIBRARY}
    done: set[str] = set()
    while graph:
        free = [name for name, needs in graph.items() if needs <= done | {name}]
        assert free, f"an import cycle among {sorted(graph)}"
        for name in free:
            done.add(name)
            del graph[name]


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


def test_the_map_of_the_readme_is_the_tree() -> None:
    text = (ROOT / "README.md").read_text()
    shown = set(re.findall(r"^\s*([a-z_0-9]+\.py)\s", text.split("<!-- map -->")[1], re.MULTILINE))
    real = {path.name for path in [*LIBRARY, *FACES] if path.name != "__init__.py"}
    assert shown == real


def test_every_command_is_in_the_readme() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gindex_cli", "--help"], capture_output=True, text=True, check=True
    )
    commands = re.findall(r"^  ([a-z]+)  ", done.stdout.split("Commands:")[1], re.MULTILINE)
    text = (ROOT / "README.md").read_text()
    assert len(commands) >= 12
    for command in commands:
        assert f"gindex {command}" in text, command


def test_version_is_the_newest_of_the_changelog() -> None:
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert version
    assert newest
    assert version.group(1) == newest.group(1)


def test_every_dependency_says_why() -> None:
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    listed = [line for line in lines if re.match(r'^  "[a-z].*[<>=]=', line)]
    assert len(listed) > 8
    for line in listed:
        assert "#" in line, line
