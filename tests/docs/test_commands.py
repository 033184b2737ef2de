"""Every command and every line of Python in README and docs runs, in the order of its page."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, chdir
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path

import pytest
from helpers.dnabert2_folder import write_dnabert2
from helpers.fasta import ROOT, Gindex
from helpers.pages import RUNNABLE, Block, Page, pages, script

from genome_index import build_index

GENOMES = ("02", "04", "05", "07", "08", "12", "13", "15", "17", "18", "20")  # of the demo: three genera
MORE = ("01", "03")
RENAMED = "genome_id\tspecies\thabitat\nDEMO_0002\tDemobacter renamed\tsoil\n"
SECONDS = re.compile(r" in \d+\.\d s")
LONG = (  # 60 genomes, trained encoders, calibration of fragments, reports with all figures, a service
    "README.md",
    "docs/guides/encoders.md",
    "docs/guides/fragments.md",
    "docs/guides/reports.md",
    "docs/guides/service.md",
)
NEEDS = {  # modules without which a page's commands say which extra to install
    "docs/guides/encoders.md": ("torch", "transformers", "matplotlib"),
    "docs/guides/export-and-sql.md": ("scipy", "networkx", "torch"),
    "docs/guides/reports.md": ("matplotlib", "umap"),
    "docs/guides/service.md": ("fastapi", "httpx"),
}


@dataclass
class Session:
    """A folder in which one page's blocks run, one after the other."""

    folder: Path
    gindex: Gindex
    names: dict[str, object] = field(default_factory=lambda: {"__name__": "__main__"})
    origin: str = ""  # of a running service, else ""
    cleanup: ExitStack = field(default_factory=ExitStack)

    def run(self, block: Block) -> str:
        """What the block prints on standard output."""
        if block.language == "python":
            return self._python(block)
        return "".join(self._command(command) for command in block.commands)

    def _python(self, block: Block) -> str:
        text = self._at_service(block.text)
        exec(compile(text, f"line {block.line}", "exec"), self.names)  # noqa: S102
        return ""

    def _command(self, command: str) -> str:
        command = self._at_service(command)
        words = shlex.split(command, comments=True)
        if words[:2] == ["gindex", "serve"]:
            return self._serve(words)
        if words[0] == "gindex" and not re.search(r"(^|\s)[|<>*]|[*]", command.split("#")[0]):
            result = self.gindex(*words[1:])
            assert result.exit_code == 0, f"{command}\n{result.output}"
            return result.output
        return self._shell(command)

    def _shell(self, command: str) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command], capture_output=True, text=True, check=False,
            env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def _serve(self, words: list[str]) -> str:
        """Start the service that the page starts, at a free port instead of the usual one."""
        from helpers.running_service import running

        options = dict(zip(words[2::2], words[3::2], strict=True))
        service = self.cleanup.enter_context(running(Path(options["--index"]), Path(options["--data"])))
        self.origin = service.url
        return ""

    def _at_service(self, text: str) -> str:
        return text.replace("http://127.0.0.1:8765", self.origin) if self.origin else text


@pytest.fixture(scope="session")
def genomes(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What every page may name: folders of genomes, tables of names, and queries."""
    folder = tmp_path_factory.mktemp("pages") / "workspace"
    for name, numbers in (("genomes", GENOMES), ("more", MORE)):
        (folder / name).mkdir(parents=True)
        for number in numbers:
            shutil.copy(demo / "genomes" / f"DEMO_00{number}.fa.gz", folder / name)
    lines = (demo / "taxonomy.tsv").read_text().splitlines(keepends=True)
    for name, numbers in (("taxonomy.tsv", GENOMES), ("more.tsv", MORE)):
        chosen = [line for line in lines[1:] if line[7:9] in numbers]
        (folder / name).write_text("".join([lines[0], *chosen]))
    for name in ("sample.fasta", "novel.fasta", "stranger.fasta"):
        shutil.copy(demo / name, folder)
    (folder / "names.tsv").write_text(RENAMED)
    (folder / "contigs.fasta").write_text("".join(_pieces(demo)))
    return folder


def _pieces(demo: Path) -> Iterator[str]:
    """Two contigs of 3 kb, of two genera."""
    for name in ("sample", "novel"):
        sequence = "".join((demo / f"{name}.fasta").read_text().split("\n>")[0].splitlines()[1:])
        yield f">{name}_contig\n{sequence[5_000:8_000]}\n"


@pytest.fixture(scope="session")
def pages_index(genomes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pages-index") / "index"
    assert build_index([genomes / "genomes"], path, genomes / "taxonomy.tsv").added == len(GENOMES)
    return path


@pytest.fixture
def session(
    tmp_path: Path, genomes: Path, gindex: Gindex, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Session]:
    monkeypatch.setattr("gindex_cli.progress.LINE_EVERY_S", inf)  # which only a slow machine shows
    folder = Path(shutil.copytree(genomes, tmp_path / "page"))
    (folder / "data").symlink_to(ROOT / "data")
    with chdir(folder), ExitStack() as cleanup:
        yield Session(folder, gindex, cleanup=cleanup)


def prepare(session: Session, page: Page, request: pytest.FixtureRequest) -> None:
    for module in NEEDS.get(page.name, ()):
        pytest.importorskip(module, reason=f"{page.name} shows commands of an extra that is not installed")
    if "index" in page.workspace:
        shutil.copytree(request.getfixturevalue("pages_index"), session.folder / "gindex-index")
    if "model" in page.workspace:
        shutil.copytree(request.getfixturevalue("model"), session.folder / "my-model")


def runs(page: Page) -> list[Block]:
    return [block for block in page.blocks() if block.language in RUNNABLE and block.not_run is None]


def marked(page: Page) -> object:
    marks = [pytest.mark.long] if page.name in LONG else []
    return pytest.param(page, id=page.name, marks=marks)


@pytest.mark.parametrize("page", [marked(page) for page in pages() if runs(page)])
def test_the_blocks_of_a_page_run(page, session, request):
    prepare(session, page, request)
    for block in runs(page):
        printed = session.run(block)
        if block.language == "console":
            expected = "".join(f"{line}\n" for line in block.text.splitlines() if not line.startswith("$ "))
            assert SECONDS.sub("", printed) == SECONDS.sub("", expected), f"{page.name}:{block.line}"


SMALLER = {  # the recipe of annotation models with a folder of DNABERT-2's shape and few steps
    "zhihan1996/DNABERT-2-117M": "dnabert2",
    "simulate_genes.py sim": "simulate_genes.py sim --genomes 6 --length 3000",
    "--steps 20000 --batch 4 --accumulate 16": "--steps 2 --batch 2 --accumulate 2",
}


@pytest.mark.long
def test_the_recipe_of_annotation_models_runs_with_a_folder_of_the_published_shape(session):
    for module in ("torch", "safetensors", "tokenizers", "matplotlib"):
        pytest.importorskip(module, reason="the extra neural is not installed")
    write_dnabert2(session.folder / "dnabert2")
    (page,) = [page for page in pages() if page.name == "docs/guides/annotation.md"]
    (recipe,) = [block for block in page.blocks() if "gindex compare" in block.text]
    assert all(written in recipe.text for written in SMALLER)
    printed: dict[str, str] = {}
    for command in recipe.commands:
        for written, small in SMALLER.items():
            command = command.replace(written, small)
        printed[command.split(" --")[0]] = session.run(replace(recipe, text=command))
    assert "\tgene\t1\t" in printed["gindex lab annotate tokens list annotator"]
    assert "longest ORF" in printed["gindex lab annotate evaluate tuned corpus"]
    assert (
        (session.folder / "sim.gff3").read_text().startswith("##gff-version 3\n##sequence-region SIM_0001 1 ")
    )
    assert "Demobacter simulatus (species)" in printed["gindex query sample.fasta"]
    rows = printed["gindex compare genomes"].splitlines()
    assert [row for row in rows if row.startswith("spectrum ")]
    assert [row for row in rows if row.split(" ")[0].endswith("/tuned")]


def test_the_transcript_of_the_readme_is_that_of_make_demo():
    (block,) = [block for block in pages()[0].blocks() if block.language == "console"]
    assert block.commands == script("transcript").commands()
    assert len(block.commands) == 2


def test_blocks_that_do_not_run_say_why():
    reasons = {f"{page.name}:{block.line}": block.not_run for page in pages() for block in page.blocks()}
    given = {place: reason for place, reason in reasons.items() if reason is not None}
    words = ("network", "Docker", "NCBI", "hub", "GPU", "minutes", "repository", "made-up file names")
    assert given
    for place, reason in given.items():
        assert any(word in reason for word in words), f"{place}: {reason}"


def test_every_block_is_of_a_kind_that_is_known():
    """So that no command hides in a block that no test looks at."""
    for page in pages():
        for block in page.blocks():
            assert block.language in (*RUNNABLE, "", "text", "json", "make", "toml"), (
                f"{page.name}:{block.line}"
            )
            if block.language not in RUNNABLE:
                assert not re.search(r"^(\$ )?(gindex|pip|make) ", block.text, re.MULTILINE), page.name


def test_pages_outside_of_the_generated_ones_have_blocks_that_run():
    names = {page.name for page in pages() if runs(page)}
    assert {"README.md", "docs/index.md", "docs/guides/build.md", "docs/guides/python.md"} <= names
