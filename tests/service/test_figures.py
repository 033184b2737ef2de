"""The studio: a real process that draws, dies, is replaced, and never keeps the others waiting for ever."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest
from helpers.event_loop import finished

for module in ("plotly", "jinja2", "matplotlib", "umap"):
    pytest.importorskip(module)

from genome_index import ChangeSettings, Index, query_index  # after the skip
from genome_index.collection.map import map_of
from genome_index.errors import (
    EncoderNotFound,
    GindexError,
    IndexDamaged,
    IndexLocked,
    IndexNotFound,
    InputError,
    SpecMismatch,
    StorageError,
    UsageError,
)
from genome_index.index.changes import remove
from genome_index.index.info import provenance
from genome_index.io.reader import iter_genomes
from genome_index.report.calls import call_json
from genome_index.report.figures.genome.windows import painting
from genome_index.report.figures.write_genomes import draw_species
from genome_index.service.figures.pool import MOST_PORTRAITS, Studio
from genome_index.service.figures.process import guarded
from genome_index.service.figures.query_figures import Drawn, report_of
from genome_index.service.problems import Problem

SPECIES = "Demobacter simulatus"
ENDS_WITHIN_S = 20.0
Found = TypeVar("Found")


def with_studio(studio: Studio, act: Callable[[Studio], Awaitable[Found]]) -> Found:
    """Run what is asked of a studio, and close it."""

    async def life() -> Found:
        try:
            return await act(studio)
        finally:
            studio.close()

    return finished(life())


def test_what_it_draws_is_what_the_library_draws(demo: Path, demo_index: Path, tmp_path: Path) -> None:
    index = Index.open(demo_index)
    [genome] = iter_genomes([demo / "sample.fasta"])
    [call] = query_index(index, [genome])
    calls = [json.loads(json.dumps(call_json(call, provenance(index))))]
    pictures = [Drawn(painting(index, genome))]

    async def ask(studio: Studio) -> tuple[bytes, ...]:
        page = await studio.report(demo_index, "", calls, pictures)
        small = await studio.report(demo_index, "", calls, pictures, gzipped=True)
        found = await studio.map(demo_index, "")
        assert found.xy.tolist() == map_of(index).xy.tolist()
        kinds = [
            await studio.species_portrait(demo_index, "", SPECIES, "dark", kind) for kind in ("svg", "png")
        ]
        assert os.getpid() != studio.pid
        return page, small, *kinds

    page, small, svg, png = with_studio(Studio(), ask)
    assert page.decode() == report_of(index, calls, pictures)
    assert gzip.decompress(small) == page
    drawn = {path.suffix: path.read_bytes() for path in draw_species(index, SPECIES, tmp_path, "dark").paths}
    assert drawn == {".svg": svg, ".png": png}


def test_one_that_was_killed_is_replaced(demo_index: Path) -> None:
    async def ask(studio: Studio) -> None:
        before = await studio.species_portrait(demo_index, "", SPECIES, "light", "png")
        first = studio.pid
        os.kill(first, signal.SIGKILL)
        after = await studio.species_portrait(demo_index, "", SPECIES, "dark", "png")
        assert studio.pid != first
        assert before != after
        assert await studio.species_portrait(demo_index, "", SPECIES, "light", "png") == before

    with_studio(Studio(), ask)


@pytest.fixture
def unmapped(demo_index: Path, tmp_path: Path) -> Path:
    """The index without a map: making it takes seconds."""
    return Path(shutil.copytree(demo_index, tmp_path / "unmapped", ignore=shutil.ignore_patterns("maps")))


def test_killed_while_it_draws_only_that_is_lost(unmapped: Path) -> None:
    async def ask(studio: Studio) -> None:
        lost = asyncio.create_task(studio.map(unmapped, ""))
        waits = asyncio.create_task(studio.species_portrait(unmapped, "", SPECIES, "light", "png"))
        while studio.pid is None:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
        assert not lost.done()
        os.kill(studio.pid, signal.SIGKILL)
        with pytest.raises(Problem, match="interrupted; ask again") as caught:
            await lost
        assert (caught.value.status, caught.value.headers) == (503, {"Retry-After": "1"})
        assert (await waits).startswith(b"\x89PNG")
        assert studio.waiting == 0

    with_studio(Studio(), ask)


def test_a_drawing_that_takes_too_long_is_given_up(unmapped: Path) -> None:
    async def ask(studio: Studio) -> None:
        with pytest.raises(Problem, match="longer than 0.3 s, and was given up; ask again in 60 s") as caught:
            await studio.map(unmapped, "")
        assert caught.value.status == 503
        assert studio.pid is None
        assert await studio.species_portrait(unmapped, "", SPECIES, "light", "svg")

    with_studio(Studio(map_limit_s=0.3), ask)


def test_a_report_does_not_wait_for_ever_for_the_map(unmapped: Path) -> None:
    async def ask(studio: Studio) -> None:
        assert await studio.species_portrait(unmapped, "", SPECIES, "light", "svg")  # the process is warm
        studio.limit_s = 0.2
        with pytest.raises(Problem, match="takes longer than 0.2 s; ask again in 60 s"):
            await studio.report(unmapped, "", [], [])
        studio.limit_s = 60.0
        assert studio.waiting == 1  # it is made all the same
        assert (await studio.map(unmapped, "")).by == "umap"

    with_studio(Studio(), ask)
    assert len(list((unmapped / "maps").iterdir())) == 1


def test_too_many_are_sent_away_and_the_same_is_drawn_once(demo_index: Path) -> None:
    async def ask(studio: Studio) -> None:
        same = [
            studio.species_portrait(demo_index, "", SPECIES, "light", kind) for kind in ("svg", "png", "svg")
        ]
        other = studio.species_portrait(demo_index, "", SPECIES, "dark", "svg")
        *drawn, refused = await asyncio.gather(*same, other, return_exceptions=True)
        assert drawn[0] == drawn[2] != drawn[1]
        assert isinstance(refused, Problem)
        assert (refused.status, refused.headers) == (503, {"Retry-After": "30"})
        assert "1 drawings wait already, and 1 may" in refused.detail
        assert await studio.species_portrait(demo_index, "", SPECIES, "dark", "svg")

    with_studio(Studio(most_waiting=1), ask)


def test_who_asked_may_go_and_the_next_is_served(demo_index: Path) -> None:
    async def ask(studio: Studio) -> None:
        gone = asyncio.create_task(studio.map(demo_index, ""))
        await asyncio.sleep(0.1)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        assert studio.waiting == 1
        assert await studio.map(demo_index, "")
        assert studio.waiting == 0

    with_studio(Studio(), ask)


def test_errors_come_out_as_they_are(demo_index: Path, tmp_path: Path) -> None:
    async def ask(studio: Studio) -> None:
        with pytest.raises(
            UsageError, match="no genome is of the species 'Demobacter simulatu'; did you mean"
        ):
            await studio.species_portrait(demo_index, "", SPECIES[:-1], "light", "svg")
        await asyncio.sleep(0)
        assert studio._portraits == {}
        with pytest.raises(IndexNotFound, match="no index at") as caught:
            await studio.map(tmp_path / "nowhere", "")
        assert caught.value.path == str(tmp_path / "nowhere")

    with_studio(Studio(), ask)


@pytest.mark.parametrize(
    "error",
    [
        UsageError("a sentence"), EncoderNotFound("kmer-0", ["kmer-4"]), InputError("a.fa", "is empty"),
        IndexDamaged("idx", "missing", "Build it."), SpecMismatch("idx", "k", 4, 5),
        IndexLocked("idx", "process 1", 60.0), StorageError("idx", "full"), IndexNotFound("idx"),
    ],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_every_error_survives_the_way_between_processes(error: GindexError) -> None:
    def draw() -> None:
        raise error

    again = pickle.loads(pickle.dumps(guarded(draw))).error()
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_a_new_snapshot_is_seen(own_index: Path) -> None:
    async def ask(studio: Studio) -> None:
        before = await studio.species_portrait(own_index, "", "Demobacter fictus", "light", "svg")
        assert await studio.species_portrait(own_index, "", "Demobacter fictus", "light", "svg") == before
        await asyncio.to_thread(remove, own_index, ["DEMO_0001"], ChangeSettings())
        assert await studio.species_portrait(own_index, "", "Demobacter fictus", "light", "svg") != before
        assert len((await studio.map(own_index, "")).rows) == 5

    with_studio(Studio(), ask)


def test_kept_portraits_are_bounded(demo_index: Path) -> None:
    async def ask(studio: Studio) -> None:
        for number in range(MOST_PORTRAITS + 3):
            ready = asyncio.get_running_loop().create_future()
            ready.set_result({"svg": b""})
            studio._portraits[number] = ready
        await studio.species_portrait(demo_index, "", SPECIES, "light", "svg")
        assert len(studio._portraits) == MOST_PORTRAITS
        assert 3 not in studio._portraits
        assert 4 in studio._portraits

    with_studio(Studio(), ask)


def test_closed_it_draws_nothing(demo_index: Path) -> None:
    async def ask(studio: Studio) -> int:
        assert await studio.map(demo_index, "")
        pid = studio.pid
        studio.close()
        with pytest.raises(Problem, match="interrupted"):
            await studio.map(demo_index, "")
        return pid

    assert not is_alive(with_studio(Studio(), ask))


ORPHAN = """
import asyncio, sys
from pathlib import Path
from genome_index.service.figures.pool import Studio

async def main():
    studio = Studio()
    await studio.map(Path(sys.argv[1]), "")
    print(studio.pid, flush=True)
    await asyncio.sleep(600)

if __name__ == "__main__":
    asyncio.run(main())
"""


def test_it_ends_with_a_service_that_was_killed(demo_index: Path, tmp_path: Path) -> None:
    (tmp_path / "orphan.py").write_text(ORPHAN)
    command = [sys.executable, str(tmp_path / "orphan.py"), str(demo_index)]
    quiet = subprocess.DEVNULL  # Python says which semaphores it clears up behind the dead
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=quiet, text=True) as service:
        assert service.stdout is not None
        pid = int(service.stdout.readline())
        assert is_alive(pid)
        service.kill()
    end = time.monotonic() + ENDS_WITHIN_S
    while is_alive(pid) and time.monotonic() < end:
        time.sleep(0.05)
    assert not is_alive(pid)


def is_alive(pid: int) -> bool:
    """Whether there is such a process, and it has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
