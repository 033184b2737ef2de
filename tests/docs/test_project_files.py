"""CI workflow, pre-commit hooks, citation and metadata agree with each other and with the Makefile."""

from __future__ import annotations

import re
import tomllib

import yaml
from helpers.fasta import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CFF_KEYS = {
    "abstract", "authors", "cff-version", "date-released", "keywords", "license", "message", "title", "type",
    "version",
}  # fmt: skip


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def workflow() -> dict:
    return yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())


def runs(job: dict) -> list[str]:
    return [step["run"] for step in job["steps"] if "run" in step]


def test_the_workflow_covers_the_oldest_and_the_newest_python():
    versions = [line.rsplit(" ", 1)[1] for line in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", line)]
    assert PROJECT["requires-python"] == f">={versions[0]}"
    for name in ("test", "bare"):
        assert workflow()["jobs"][name]["strategy"]["matrix"]["python"] == [versions[0], versions[-1]]


def test_the_workflow_runs_targets_that_exist():
    jobs = workflow()["jobs"]
    called = {
        run.removeprefix("make ") for job in jobs.values() for run in runs(job) if run.startswith("make ")
    }
    assert called == {"check", "test COVERAGE=--cov", "test-long", "wheel"}
    assert {call.split()[0] for call in called} <= targets()
    assert runs(jobs["bare"])[0] == "pip install . && gindex --help && gindex --version"


def test_ci_run_is_what_the_workflow_runs():
    script = (ROOT / ".ci" / "run").read_text()
    assert re.findall(r"^make (.+)$", script, re.MULTILINE) == ["check", "test COVERAGE=--cov", "test-long"]


def test_pre_commit_runs_the_linters_of_make_check():
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert repository["repo"] == "local"
    check = (ROOT / "Makefile").read_text().split("\ncheck:")[1].split("\n\n")[0]
    assert [hook["id"] for hook in repository["hooks"]] == ["ruff", "ruff-format", "mypy", "lint-imports"]
    for hook in repository["hooks"]:
        tool = re.search(r"\.venv/bin/(\S+)", hook["entry"])
        assert tool
        assert f"$(BIN)/{tool[1]}" in check


def test_citation_and_metadata_name_the_same_project():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert set(citation) == CFF_KEYS
    assert citation["cff-version"] == "1.2.0"
    assert citation["license"] == PROJECT["license"] == "MIT"
    assert citation["authors"] == PROJECT["authors"] == [{"name": "gindex contributors"}]


def test_contributing_names_targets_that_exist():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    named = set(re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE))
    assert {"check", "test", "docs-reference", "wheel"} <= named <= targets()
