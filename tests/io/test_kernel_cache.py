"""Compiled functions where neither the installation nor the home can be written to, as in a container."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.ncbi_server import dna

NOWHERE = {"NUMBA_CACHE_DIR": "/proc/none", "HOME": "/proc", "XDG_CACHE_HOME": "/proc"}  # nobody can write
COUNT = (
    "import sys, numpy as np; from genome_index.io.bases import count_bases; "
    "print(count_bases.compiled(np.frombuffer(b'ACGN', np.uint8)))"
)

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="no /proc here")


def run(*command: str | Path, cwd: Path | None = None, **variables: str) -> tuple[int, str, str]:
    result = subprocess.run(
        [sys.executable, *map(str, command)],
        env=os.environ | NOWHERE | variables,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    return result.returncode, result.stdout, result.stderr


def folder_in(temporary: Path) -> Path:
    return temporary / f"gindex-numba-{os.getuid()}"


@pytest.mark.long
def test_a_command_runs_with_a_temporary_folder(tmp_path: Path) -> None:
    (tmp_path / "x.fa").write_text(f">x\n{dna(1, 3000)}\n")
    command = ("-m", "gindex_cli", "build", tmp_path / "x.fa", "--index", tmp_path / "idx")
    code, _, errors = run(*command, TMPDIR=str(tmp_path))
    assert (code, "Traceback" in errors) == (0, False), errors
    assert stat.S_IMODE(folder_in(tmp_path).stat().st_mode) == 0o700
    assert list(folder_in(tmp_path).rglob("*.nbc"))
    assert not list(tmp_path.rglob(".gindex-*"))  # no probe is left


@pytest.mark.parametrize("home", ["absent", "there"])
def test_a_home_that_is_writable_has_the_folder(tmp_path: Path, home: str) -> None:
    folder = tmp_path / home
    if home == "there":
        folder.mkdir()
    assert run("-c", COUNT, HOME=str(folder), XDG_CACHE_HOME="", TMPDIR=str(tmp_path)) == (0, "3\n", "")
    cache = folder / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "numba"
    assert list(cache.rglob("*.nbc"))
    assert not folder_in(tmp_path).exists()


def test_a_folder_that_others_can_write_to_is_not_used(tmp_path: Path) -> None:
    """They could put functions into it that this user would run."""
    folder_in(tmp_path).mkdir()
    folder_in(tmp_path).chmod(0o777)
    assert run("-c", COUNT, TMPDIR=str(tmp_path)) == (0, "3\n", "")
    assert not list(folder_in(tmp_path).iterdir())


def test_a_link_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir(mode=0o700)
    folder_in(tmp_path).symlink_to(tmp_path / "theirs")
    assert run("-c", COUNT, TMPDIR=str(tmp_path)) == (0, "3\n", "")
    assert not list((tmp_path / "theirs").iterdir())


def test_numba_that_was_imported_before_is_told(tmp_path: Path) -> None:
    assert run("-c", f"import numba; {COUNT}", TMPDIR=str(tmp_path)) == (0, "3\n", "")
    assert list(folder_in(tmp_path).rglob("*.nbc"))


def test_the_folder_of_the_user_is_kept_where_it_is_writable(tmp_path: Path) -> None:
    given = tmp_path / "given"
    assert run("-c", COUNT, NUMBA_CACHE_DIR=str(given), TMPDIR=str(tmp_path)) == (0, "3\n", "")
    assert list(given.rglob("*.nbc"))


def test_without_any_folder_functions_are_compiled_anew() -> None:
    """The whole system is read-only, folders for temporary files included."""
    read_only = "mount -t tmpfs -o ro none /tmp && mount -t tmpfs -o ro none /var/tmp"
    unshare = shutil.which("unshare")
    if (
        unshare is None
        or subprocess.run([unshare, "-m", "sh", "-c", read_only], capture_output=True, check=False).returncode
    ):
        pytest.skip("folders cannot be mounted here")
    if str(Path(__file__)).startswith("/tmp") or sys.prefix.startswith("/tmp"):
        pytest.skip("gindex itself lies in /tmp")
    script = f'{read_only} && cd /proc && "{sys.executable}" -c "{COUNT}"'
    result = subprocess.run(
        [unshare, "-m", "sh", "-c", script],
        env=os.environ | NOWHERE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "3\n", "")
