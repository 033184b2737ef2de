"""What the tests of several rooms share: the demo collection, indexes of it, FASTA files, command lines."""

from __future__ import annotations

import ctypes
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from gindex_cli import app
from helpers.fasta import ROOT, Gindex, WriteFasta, fasta_lines
from typer.testing import CliRunner

from genome_index import build_index
from genome_index.index.parallel import VARIABLES
from genome_index.lab.corpus.build import build_corpus
from genome_index.lab.corpus.split import SplitPlan

if TYPE_CHECKING:
    from helpers.running_service import Running
    from playwright.sync_api import Browser

# So that processes which tests start find the helpers too.
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT / "tests"), os.environ.get("PYTHONPATH"))))
SIX = (1, 2, 4, 5, 15, 17)  # of the demo: two species of Demobacter by twos, two of Specimenella by ones


@pytest.fixture(scope="session")
def demo() -> Path:
    return ROOT / "data" / "demo"


@pytest.fixture(scope="session")
def six_genomes(demo: Path) -> list[Path]:
    return [demo / "genomes" / f"DEMO_{number:04}.fa.gz" for number in SIX]


@pytest.fixture(scope="session")
def demo_index(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of the whole demo collection. It is shared: read it, or copy it."""
    path = tmp_path_factory.mktemp("demo") / "index"
    assert build_index([demo / "genomes"], path, demo / "taxonomy.tsv").added == 60
    return path


@pytest.fixture(scope="session")
def demo_corpus(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo collection as a corpus, split three to seven. It is shared: read it."""
    return made_corpus(demo, tmp_path_factory.mktemp("corpus") / "demo", SplitPlan(test=0.3, validation=0))


@pytest.fixture(scope="session")
def demo_corpus_of_three(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a validation part."""
    return made_corpus(demo, tmp_path_factory.mktemp("parts") / "demo", SplitPlan(test=0.2, validation=0.2))


def made_corpus(demo: Path, out: Path, split: SplitPlan) -> Path:
    build_corpus([str(demo / "genomes")], out, demo / "taxonomy.tsv", split=split)
    return out


@pytest.fixture(scope="session")
def small_index(six_genomes: list[Path], demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of six genomes. It is shared: read it, or take `own_index`."""
    path = tmp_path_factory.mktemp("small") / "index"
    assert build_index(six_genomes, path, demo / "taxonomy.tsv").added == 6
    return path


@pytest.fixture
def own_index(small_index: Path, tmp_path: Path) -> Path:
    """A copy of the small index that a test may change or damage."""
    return Path(shutil.copytree(small_index, tmp_path / "own-index"))


@pytest.fixture(scope="session")
def shared_genomes() -> Path:
    folder = ROOT.parent / "shared" / "genomes"
    if not folder.is_dir():
        pytest.skip("shared/genomes, the labelled genomes, is absent")
    return folder


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a tiny language model, for tests that have looked for torch; it is shared: read it."""
    from helpers.tiny_model import write_tiny_model

    return str(write_tiny_model(tmp_path_factory.mktemp("tiny") / "model"))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    from helpers.browser import started

    with started() as one:
        yield one


@pytest.fixture
def write_fasta(tmp_path: Path) -> WriteFasta:
    """Write records (name -> sequence) to a file in the test's own folder; folders on the way are made."""

    def write(name: str, records: dict[str, str], width: int = 70, line_end: str = "\n") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(line_end.join([*fasta_lines(records.items(), width), ""]).encode())
        return path

    return write


@pytest.fixture
def gindex(monkeypatch: pytest.MonkeyPatch) -> Gindex:
    """Run a gindex command line in this process. What it does not turn into a sentence comes up as it is."""
    monkeypatch.delenv("GINDEX_INDEX", raising=False)
    for name in VARIABLES:  # so that what --threads sets is taken back
        monkeypatch.setenv(name, os.environ.get(name, ""))
        if not os.environ[name]:
            monkeypatch.delenv(name)
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)


@pytest.fixture(scope="session")
def service(demo_index: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A running service over the whole demo. It is shared: ask it, and leave others' jobs alone."""
    pytest.importorskip("fastapi", reason="the extra serve is not installed")
    from helpers.running_service import running

    with running(demo_index, tmp_path_factory.mktemp("service") / "data") as one:
        yield one


@pytest.fixture
def bound_by_permissions():
    """File permissions bind this thread, root's too."""
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3 of the call, this thread
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; twice
    if not hasattr(libc, "capset") or libc.capget(header, sets) != 0:
        pytest.skip("root is bound by no permissions here")
    before = sets[0]
    sets[0] &= ~0b110  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH
    assert libc.capset(header, sets) == 0
    yield
    sets[0] = before
    assert libc.capset(header, sets) == 0


@pytest.fixture
def close(bound_by_permissions):
    """Take all permissions off some paths until the test is over."""
    closed = []

    def close(path, mode=0):
        closed.append((path, path.stat().st_mode))
        path.chmod(mode)
        return path

    yield close
    for path, mode in reversed(closed):
        path.chmod(mode)
