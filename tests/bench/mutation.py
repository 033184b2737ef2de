"""Mutants of the core: which changes of genome_index/classify and index/calibration do the close tests notice?

python tests/bench/mutation.py [--jobs N] [--keep] [--sample N] [--survivors] [MODULE ...]

A copy of the package and of the close tests (CLOSE_TESTS, milliseconds each, no index, no FASTA) goes to
build/mutation, and mutmut 3 mutates the copy. It leaves decorated functions alone; so in the copy properties are
written as `name = property(function)`, and numba's kernels are plain Python. Modules are given as in imports,
for example genome_index.classify.decision; without any, all of both rooms are mutated. --keep goes on with the
copy of the last run: mutants that are dead stay dead, survivors and changed functions are tried again.
--sample N tries N mutants, drawn by the digest of their names, so that each module has its share of them.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from hashlib import sha256
from pathlib import Path

import libcst as cst
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "build" / "mutation"
MUTATED = ("genome_index/classify", "genome_index/index/calibration")
CLOSE_TESTS = (
    "tests/classify/test_batches.py",
    "tests/classify/test_call_parts.py",
    "tests/classify/test_decision.py",
    "tests/classify/test_elected_names.py",
    "tests/classify/test_mosaic.py",
    "tests/classify/test_measured.py",
    "tests/classify/test_query.py",
    "tests/classify/test_reasons.py",
    "tests/classify/test_reference_warnings.py",
    "tests/classify/test_scope.py",
    "tests/classify/test_search.py",
    "tests/classify/test_strong_match.py",
    "tests/classify/explanation/test_elections.py",
    "tests/classify/fragments",
    "tests/classify/parts/test_components.py",
    "tests/classify/parts/test_contamination.py",
    "tests/classify/parts/test_fragment_name.py",
    "tests/classify/parts/test_holders.py",
    "tests/classify/parts/test_oversize.py",
    "tests/classify/parts/test_pieces.py",
    "tests/index/calibration",
    "tests/io/test_bases.py",
)
KEPT_DECORATORS = ("staticmethod", "classmethod")  # mutmut mutates these functions as they are
DROPPED_DECORATORS = ("kernel", "kernel_with")
KILLED = ("killed", "timeout", "segfault", "suspicious")
SETTINGS = """\
[tool.mutmut]
source_paths = ["genome_index"]
only_mutate = ["genome_index/classify/*", "genome_index/index/calibration/*"]
pytest_add_cli_args = ["-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:hypothesispytest"]
pytest_add_cli_args_test_selection = {tests}
use_git_change_detection = false
timeout_constant = 5.0

[tool.pytest.ini_options]
addopts = "--strict-config --import-mode=importlib"
pythonpath = ["tests"]
"""


class Undecorated(cst.CSTTransformer):
    """Decorated functions as plain ones, decorated by an assignment after them."""

    def leave_FunctionDef(  # noqa: N802  # libcst's name
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.BaseStatement | cst.FlattenSentinel[cst.BaseStatement]:
        names = [_decorator_name(decorator) for decorator in updated_node.decorators]
        if not names or names[0] in KEPT_DECORATORS:
            return updated_node
        if names[0] in DROPPED_DECORATORS:
            return updated_node.with_changes(decorators=[])
        name = updated_node.name.value
        plain = updated_node.with_changes(decorators=[], name=cst.Name(f"_plain_{name}"))
        assignment = cst.parse_statement(f"{name} = {names[0]}(_plain_{name})")
        return cst.FlattenSentinel([plain, assignment])


def _decorator_name(decorator: cst.Decorator) -> str:
    node = decorator.decorator
    node = node.func if isinstance(node, cst.Call) else node
    return node.value if isinstance(node, cst.Name) else cst.Module([]).code_for_node(node)


def prepare() -> None:
    """Copy package and tests; a file that has not changed keeps its time, so that mutmut passes it over."""
    for folder in ("genome_index", "tests/helpers"):
        for source in sorted((ROOT / folder).rglob("*")):
            if source.is_file() and "__pycache__" not in source.parts and "weights" not in source.parts:
                _copy(source.relative_to(ROOT))
    for name in CLOSE_TESTS:
        paths = (ROOT / name).rglob("*.py") if (ROOT / name).is_dir() else [ROOT / name]
        for source in paths:
            _copy(source.relative_to(ROOT))
    (WORK / "pyproject.toml").write_text(SETTINGS.format(tests=json.dumps(CLOSE_TESTS)))


def _copy(path: Path) -> None:
    content = (ROOT / path).read_bytes()
    if path.suffix == ".py" and str(path).startswith(MUTATED):
        content = cst.parse_module(content).visit(Undecorated()).code.encode()
    target = WORK / path
    if not target.exists() or target.read_bytes() != content:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def forget_survivors() -> None:
    """Let mutmut try the survivors of the last run again, for the tests may have changed."""
    for path in (WORK / "mutants").rglob("*.py.meta"):
        values = json.loads(path.read_text())
        codes = values["exit_code_by_key"]
        values["exit_code_by_key"] = {
            mutant: code if status_by_exit_code[code] == "killed" else None for mutant, code in codes.items()
        }
        path.write_text(json.dumps(values))


def statuses() -> dict[str, str]:
    """Mutant -> killed, survived, no tests ..."""
    found: dict[str, str] = {}
    for path in sorted((WORK / "mutants").rglob("*.py.meta")):
        codes = json.loads(path.read_text())["exit_code_by_key"]
        found |= {mutant: status_by_exit_code[code] for mutant, code in codes.items()}
    return found


def table(found: dict[str, str]) -> str:
    """Lines of Markdown: mutants and dead ones of each module."""
    lines = ["| module | mutants | dead | % |", "|---|---|---|---|"]
    modules = sorted({mutant.rpartition(".")[0] for mutant in found})
    for module in [*modules, ""]:
        some = [
            status for mutant, status in found.items() if not module or mutant.rpartition(".")[0] == module
        ]
        dead = sum(status in KILLED for status in some)
        name = module.removeprefix("genome_index.") or "**all**"
        lines.append(f"| {name} | {len(some):,} | {dead:,} | {100 * dead / max(1, len(some)):.1f} |")
    return "\n".join(lines)


def changed_lines(mutant: str) -> str:
    """The lines of a diff that a mutant removes and adds; the working folder is WORK."""
    lines = get_diff_for_mutant(mutant).splitlines()
    return "\n".join(line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---"))


def chosen(modules: list[str], sample: int) -> set[str]:
    """The mutants of some modules, or of a sample of them."""
    names = [
        mutant for mutant in statuses() if not modules or mutant.rpartition(".")[0].startswith(tuple(modules))
    ]
    names.sort(key=lambda mutant: sha256(mutant.encode()).digest())
    return set(names[: sample or None])


def try_mutants(jobs: int, mutants: list[str]) -> None:
    """Try some mutants, by name or pattern; all without any. What mutmut prints goes to a log."""
    (WORK / "mutants" / "tests").mkdir(parents=True, exist_ok=True)  # before Python looks for it
    path = os.pathsep.join(map(str, (WORK / "mutants", WORK / "mutants" / "tests")))
    environment = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(jobs), *mutants]
    with (WORK / "mutmut.log").open("w") as log:
        subprocess.run(command, cwd=WORK, env=environment, check=False, stdout=log, stderr=log)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("modules", nargs="*")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--keep", action="store_true", help="go on with the copy of the last run")
    parser.add_argument("--sample", type=int, default=0, help="try so many mutants; 0: all")
    parser.add_argument("--survivors", action="store_true", help="print the survivors of the last run")
    options = parser.parse_args()
    if not options.survivors:
        if not options.keep:
            shutil.rmtree(WORK, ignore_errors=True)
        forget_survivors()
        prepare()
        if options.sample and not statuses():
            try_mutants(options.jobs, ["genome_index.classify.fragments.summary.*"])  # makes all, tries a few
        sample = sorted(chosen(options.modules, options.sample)) if options.sample else []
        try_mutants(options.jobs, sample or [f"{module}.*" for module in options.modules])
    mutants = chosen(options.modules, options.sample)
    found = {
        mutant: status
        for mutant, status in statuses().items()
        if mutant in mutants and status != "not checked"
    }
    if options.survivors:
        os.chdir(WORK)
        for mutant in (mutant for mutant, status in found.items() if status not in KILLED):
            print(f"== {found[mutant]}: {mutant}\n{changed_lines(mutant)}")
    print(table(found))
    print(dict(Counter(found.values())))


if __name__ == "__main__":
    main()
