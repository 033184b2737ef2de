"""The wheel holds every package and all its data, and runs in an environment without the repository."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from helpers.fasta import ROOT

pytestmark = pytest.mark.long
WORK = ("__pycache__", ".pyc", ".nbi", ".nbc")  # of Python and numba, no part of the package


def run(*command: object, cwd: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that a build folder of the repository changes nothing."""
    folder = tmp_path_factory.mktemp("wheel")
    files = run("git", "ls-files", "-z", cwd=ROOT).split("\0")
    for name in filter(None, files):
        source, target = ROOT / name, folder / "source" / name
        if source.is_file() and not source.is_symlink():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    options = ("--no-deps", "--no-build-isolation", "--wheel-dir", folder / "dist")
    run(sys.executable, "-m", "pip", "wheel", "-q", *options, folder / "source", cwd=folder)
    (path,) = (folder / "dist").glob("*.whl")
    return path


def test_every_file_of_the_packages_is_in_the_wheel(wheel):
    tracked = run("git", "ls-files", "genome_index", "cli", cwd=ROOT).splitlines()
    expected = {
        name.replace("cli/", "gindex_cli/", 1) if name.startswith("cli/") else name for name in tracked
    }
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert len(expected) > 200
    assert names == expected
    assert not [name for name in names if any(part in name for part in WORK)]


def test_it_runs_without_the_repository(wheel, tmp_path, demo):
    """Dependencies come from the environment of the tests, gindex from the wheel alone."""
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv", cwd=tmp_path)
    python = tmp_path / "venv" / "bin" / "python"
    site = Path(
        run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=tmp_path).strip()
    )
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))  # whose own .pth files are not read
    run(sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", site, wheel, cwd=tmp_path)
    where = run(python, "-c", "import genome_index; print(genome_index.__file__)", cwd=tmp_path).strip()
    assert where == str(site / "genome_index" / "__init__.py")
    gindex = (python, "-m", "gindex_cli")
    assert "0.2.0" in run(*gindex, "--version", cwd=tmp_path)
    assert "query" in run(*gindex, "--help", cwd=tmp_path)
    genomes = [demo / "genomes" / f"DEMO_{number:04}.fa.gz" for number in (1, 2, 4, 5)]
    run(*gindex, "build", *genomes, "--taxonomy", demo / "taxonomy.tsv", cwd=tmp_path)
    printed = run(*gindex, "query", genomes[0], "--format", "tsv", cwd=tmp_path)
    assert "Demobacter fictus" in printed
    run(*gindex, "build", *genomes, "--encoder", "profile", "--index", "profile", cwd=tmp_path)
