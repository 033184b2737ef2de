"""Render pool: a real process that draws, dies, is replaced, and never blocks the requests for ever."""

from __future__ import annotations

import asyncio
import errno
import gzip
import json
import os
import shutil
import signal
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from helpers.event_loop import LoopThread, finished, loop_thread
from helpers.running_service import DEADLINE_S

for module in ("jinja2", "matplotlib", "umap"):
    pytest.importorskip(module)
psutil = pytest.importorskip("psutil", reason="psutil is not installed")

from genome_index import ChangeSettings, Index, query_index  # after the skip
from genome_index.collection.map import map_of
from genome_index.errors import IndexNotFound, UsageError
from genome_index.index.changes import remove
from genome_index.index.info import provenance
from genome_index.io.reader import iter_genomes
from genome_index.report.calls import call_json
from genome_index.report.figures.genome.windows import nearest_windows
from genome_index.report.figures.write_genomes import draw_species
from genome_index.service.figures.pool import MOST_COMPOSITIONS, RenderPool
from genome_index.service.figures.query_figures import QueryFigures, report_html
from genome_index.service.problems import Problem

SPECIES = "Demobacter simulatus"
Result = TypeVar("Result")


# -- one pool for all figures: its process loads matplotlib and the index once


@pytest.fixture(scope="module")
def loop() -> Iterator[LoopThread]:
    with loop_thread() as thread:
        yield thread


@pytest.fixture(scope="module")
def pool(loop: LoopThread) -> Iterator[RenderPool]:
    shared = RenderPool(limit_s=DEADLINE_S)
    yield shared
    loop.run(asyncio.to_thread(shared.close))


@pytest.mark.long
def test_figures_equal_those_of_the_library(
    loop: LoopThread, pool: RenderPool, demo: Path, demo_index: Path, tmp_path: Path
) -> None:
    index = Index.open(demo_index)
    [genome] = iter_genomes([demo / "sample.fasta"])
    [call] = query_index(index, [genome])
    calls = [json.loads(json.dumps(call_json(call, provenance(index))))]
    figures = [QueryFigures(nearest_windows(index, genome))]

    page = loop.run(pool.report(demo_index, "", calls, figures))
    assert page.decode() == report_html(index, calls, figures)
    assert gzip.decompress(loop.run(pool.report(demo_index, "", calls, figures, gzipped=True))) == page
    assert loop.run(pool.map(demo_index, "")).xy.tolist() == map_of(index).xy.tolist()
    images = {
        f".{kind}": loop.run(pool.species_composition(demo_index, "", SPECIES, "dark", kind))
        for kind in ("svg", "png")
    }
    paths = draw_species(index, SPECIES, tmp_path, "dark").paths
    assert images == {path.suffix: path.read_bytes() for path in paths}
    assert os.getpid() != pool.pid


def test_too_many_requests_are_refused_and_equal_ones_share_a_figure(
    loop: LoopThread, pool: RenderPool, demo_index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def requests() -> None:
        same = [
            pool.species_composition(demo_index, "", SPECIES, "light", kind) for kind in ("svg", "png", "svg")
        ]
        other = pool.species_composition(demo_index, "", "Demobacter fictus", "dark", "svg")
        *drawn, refused = await asyncio.gather(*same, other, return_exceptions=True)
        assert drawn[0] == drawn[2] != drawn[1]
        assert isinstance(refused, Problem)
        assert (refused.status, refused.headers) == (503, {"Retry-After": "30"})
        assert "1 figures wait, 1 are allowed" in refused.detail

    monkeypatch.setattr(pool, "most_waiting", 1)
    loop.run(requests())


def test_errors_of_the_library_are_raised(
    loop: LoopThread, pool: RenderPool, demo_index: Path, tmp_path: Path
) -> None:
    before = dict(pool._compositions)
    with pytest.raises(UsageError, match="no genome is of the species 'Demobacter simulatu'; did you mean"):
        loop.run(pool.species_composition(demo_index, "", SPECIES[:-1], "light", "svg"))
    loop.run(asyncio.sleep(0))
    assert pool._compositions == before
    with pytest.raises(IndexNotFound, match="no index at") as caught:
        loop.run(pool.map(tmp_path / "nowhere", ""))
    assert caught.value.path == str(tmp_path / "nowhere")


def test_a_new_snapshot_is_used(loop: LoopThread, pool: RenderPool, own_index: Path) -> None:
    def drawn() -> bytes:
        return loop.run(pool.species_composition(own_index, "", "Demobacter fictus", "light", "svg"))

    before = drawn()
    assert drawn() == before
    remove(own_index, ["DEMO_0001"], ChangeSettings())
    assert drawn() != before
    assert len(loop.run(pool.map(own_index, "")).rows) == 5


@pytest.mark.long
def test_stored_compositions_are_bounded(loop: LoopThread, pool: RenderPool, demo_index: Path) -> None:
    async def fill() -> None:
        pool._compositions.clear()
        for number in range(MOST_COMPOSITIONS + 3):
            ready = asyncio.get_running_loop().create_future()
            ready.set_result({"svg": b""})
            pool._compositions[number] = ready
        await pool.species_composition(demo_index, "", SPECIES, "light", "svg")

    loop.run(fill())
    assert len(pool._compositions) == MOST_COMPOSITIONS
    assert 3 not in pool._compositions
    assert 4 in pool._compositions


@pytest.mark.long
def test_a_report_stops_waiting_for_the_map(demo_index: Path, tmp_path: Path) -> None:
    """The map of an index without one takes many seconds."""
    ignored = shutil.ignore_patterns("maps")
    unmapped = Path(shutil.copytree(demo_index, tmp_path / "unmapped", ignore=ignored))

    async def requests(pool: RenderPool) -> None:
        assert await pool.species_composition(unmapped, "", SPECIES, "light", "svg")  # the process is warm
        pool.limit_s = 0.2
        with pytest.raises(Problem, match="takes longer than 0.2 s; retry in 60 s"):
            await pool.report(unmapped, "", [], [])
        pool.limit_s = DEADLINE_S
        assert pool.waiting == 1  # the map is finished all the same
        assert (await pool.map(unmapped, "")).by == "umap"

    with_pool(requests)
    assert len(list((unmapped / "maps").iterdir())) == 1


# -- pools whose process dies: their requests draw nothing, so that a start takes no time


def with_pool(requests: Callable[[RenderPool], Awaitable[Result]]) -> Result:
    """Run requests to a new pool, and close it."""

    async def run() -> Result:
        pool = RenderPool(limit_s=DEADLINE_S)
        try:
            return await requests(pool)
        finally:
            pool.close()

    return finished(run())


class Blocking:
    """A request that occupies the process until it is released: it reads from a named pipe."""

    def __init__(self, pool: RenderPool, path: Path, limit_s: float = DEADLINE_S) -> None:
        os.mkfifo(path)
        self.path, self.task = path, asyncio.create_task(pool._request(limit_s, Path.read_bytes, path))

    async def is_running(self) -> None:
        """Wait until the process reads; only then the pipe can be opened for writing."""
        while True:
            try:
                self.writer = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
                return
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
                await asyncio.sleep(0.01)

    def release(self) -> None:
        os.close(self.writer)


def process_of(pool: RenderPool) -> Awaitable[int]:
    """The process id, as the process itself reports it."""
    return pool._request(DEADLINE_S, os.getpid)


def test_a_killed_process_is_replaced() -> None:
    async def requests(pool: RenderPool) -> None:
        first = await process_of(pool)
        assert first == pool.pid
        os.kill(first, signal.SIGKILL)
        second = await process_of(pool)
        assert first != second == pool.pid

    with_pool(requests)


def test_a_process_killed_while_drawing_loses_only_that_figure(tmp_path: Path) -> None:
    async def requests(pool: RenderPool) -> None:
        lost = Blocking(pool, tmp_path / "lost")
        waiting = asyncio.ensure_future(process_of(pool))
        await lost.is_running()
        killed = pool.pid
        os.kill(killed, signal.SIGKILL)
        with pytest.raises(Problem, match="drawing was interrupted; retry in 1 s") as caught:
            await lost.task
        assert (caught.value.status, caught.value.headers) == (503, {"Retry-After": "1"})
        assert killed != await waiting == pool.pid
        assert pool.waiting == 0
        lost.release()

    with_pool(requests)


def test_a_figure_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    async def requests(pool: RenderPool) -> None:
        with pytest.raises(Problem, match="took longer than 0.3 s and was stopped; retry in 60 s") as caught:
            await Blocking(pool, tmp_path / "slow", 0.3).task
        assert caught.value.status == 503
        assert pool.pid is None
        assert await process_of(pool) == pool.pid

    with_pool(requests)


def test_a_cancelled_request_does_not_block_the_next(tmp_path: Path) -> None:
    async def requests(pool: RenderPool) -> None:
        gone = Blocking(pool, tmp_path / "gone")
        await gone.is_running()
        gone.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone.task
        assert pool.waiting == 1
        gone.release()
        assert await process_of(pool) == pool.pid
        assert pool.waiting == 0

    with_pool(requests)


def test_a_closed_pool_draws_nothing() -> None:
    async def requests(pool: RenderPool) -> int:
        pid = await process_of(pool)
        pool.close()
        with pytest.raises(Problem, match="drawing was interrupted"):
            await process_of(pool)
        return pid

    assert not psutil.pid_exists(with_pool(requests))
