"""The studio: a process of its own that draws when somebody asks, so that the service answers meanwhile.

It draws one thing at a time and keeps the index open. A process that dies, or is at one drawing for too long
and is ended, is replaced at the next request; only who waited for that very drawing has to ask again.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal, TypeVar

from genome_index.collection.map import Map
from genome_index.service.figures import process as easel
from genome_index.service.figures.process import Refused, state_of
from genome_index.service.figures.query_figures import Drawn
from genome_index.service.problems import Problem

Kind = Literal["svg", "png"]
Made = TypeVar("Made")
Portrait = asyncio.Task[dict[str, bytes]]  # kind -> the picture

LIMIT_S = 120.0  # of a drawing, and of waiting for one's turn; a report of 200 paintings takes 4 s
MAP_LIMIT_S = 1800.0  # of a map, which is made once a snapshot: 10 s for 7,378 genomes
MOST_WAITING = 8
MOST_PORTRAITS = 64  # kept, of species; one in both kinds has 0.3 MB, with 59 members 2 MB


class Studio:
    """The process, and what is asked of it by one event loop."""

    def __init__(
        self, limit_s: float = LIMIT_S, map_limit_s: float = MAP_LIMIT_S, most_waiting: int = MOST_WAITING
    ) -> None:
        self.limit_s, self.map_limit_s, self.most_waiting = limit_s, map_limit_s, most_waiting
        self.waiting = 0  # requests, with the one that is drawn
        self.pid: int | None = None  # of the process, where there is one
        self._pool: ProcessPoolExecutor | None = None
        self._turn = asyncio.Lock()
        self._portraits: OrderedDict[tuple[object, ...], Portrait] = OrderedDict()
        self._closed = False

    async def report(
        self, path: Path, model: str, calls: Sequence[Mapping[str, Any]],
        pictures: Sequence[Drawn | None], gzipped: bool = False,
    ) -> bytes:  # fmt: skip
        """The HTML of `gindex query --report`, from what was kept of a query; it may come compressed.

        Raises
        ------
        Problem
            The studio is busy, was interrupted or took too long.
        GindexError
            As it was raised by who drew.
        """
        given = (path, model, state_of(path))
        try:  # who asks waits no longer than for a drawing; the map is made to its end all the same
            async with asyncio.timeout(self.limit_s):
                await self._ask(self.map_limit_s, easel.lay_out, *given)
        except TimeoutError:
            what = "the map of the collection, or what is drawn before it"
            raise _problem(f"{what}, takes longer than {self.limit_s:g} s", 60) from None
        return await self._ask(self.limit_s, easel.report, *given, calls, pictures, gzipped)

    async def map(self, path: Path, model: str) -> Map:
        """The map of a collection, made where there is none yet; fails as `report` does."""
        return await self._ask(self.map_limit_s, easel.mapped, path, model, state_of(path))

    async def species_portrait(self, path: Path, model: str, name: str, theme: str, kind: Kind) -> bytes:
        """All members of a species over each other; fails as `report` does, and with no such species."""
        state = state_of(path)
        key = (path, state, name, theme)
        if key not in self._portraits:
            made = asyncio.create_task(
                self._ask(self.limit_s, easel.species, path, model, state, name, theme)
            )
            made.add_done_callback(lambda task: self._forget_failed(key, task))
            self._portraits[key] = made
        self._portraits.move_to_end(key)
        while len(self._portraits) > MOST_PORTRAITS:
            self._portraits.popitem(last=False)
        return (await asyncio.shield(self._portraits[key]))[kind]

    def close(self) -> None:
        """End the process at once, whatever it is at; from now on nothing is drawn."""
        self._closed = True
        self._end(wait=True)

    def _forget_failed(self, key: tuple[object, ...], task: Portrait) -> None:
        if (task.cancelled() or task.exception()) and self._portraits.get(key) is task:
            del self._portraits[key]

    # -- one drawing at a time -------------------------------------------------------------------------------

    async def _ask(self, limit_s: float, draw: Callable[..., Made], *values: object) -> Made:
        """What `draw` makes in the process. It is made to its end, even where who asked has gone."""
        if self.waiting >= self.most_waiting:
            raise _problem(f"{self.waiting:,} drawings wait already, and {self.most_waiting:,} may", 30)
        self.waiting += 1
        made = asyncio.create_task(self._in_turn(limit_s, draw, values))
        # Who asked may have gone: then nobody is left to look at how it ended.
        made.add_done_callback(lambda task: task.cancelled() or task.exception())
        return await asyncio.shield(made)

    async def _in_turn(self, limit_s: float, draw: Callable[..., Made], values: Sequence[object]) -> Made:
        try:
            async with self._my_turn():
                return await self._drawn(limit_s, draw, values)
        finally:
            self.waiting -= 1

    @asynccontextmanager
    async def _my_turn(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self.limit_s):
                await self._turn.acquire()
        except TimeoutError:
            raise _problem(f"no turn came within {self.limit_s:g} s", 60) from None
        try:
            yield
        finally:
            self._turn.release()

    async def _drawn(self, limit_s: float, draw: Callable[..., Made], values: Sequence[object]) -> Made:
        pool = await self._alive()
        try:
            async with asyncio.timeout(limit_s):
                found = await asyncio.wrap_future(pool.submit(easel.guarded, draw, *values))
        except BrokenProcessPool:
            self._end()
            raise _problem("drawing was interrupted", 1) from None
        except TimeoutError:
            self._end()
            raise _problem(f"drawing took longer than {limit_s:g} s, and was given up", 60) from None
        if isinstance(found, Refused):
            raise found.error()
        return found

    async def _alive(self) -> ProcessPoolExecutor:
        """The process, having answered just now; a new one where it is dead, or there was none."""
        for _ in range(2):
            if self._closed:
                break
            if self._pool is None:
                self._pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), easel.prepare)
            try:
                async with asyncio.timeout(self.limit_s):
                    self.pid = await asyncio.wrap_future(self._pool.submit(os.getpid))
                return self._pool
            except (BrokenProcessPool, TimeoutError):
                self._end()
        raise _problem("drawing was interrupted", 10)

    def _end(self, wait: bool = False) -> None:
        """Kill the process; one that is dead already is buried."""
        for process in multiprocessing.active_children():
            if process.pid == self.pid:
                process.kill()
        if self._pool is not None:
            self._pool.shutdown(wait=wait, cancel_futures=True)
        self._pool = self.pid = None


def _problem(why: str, again_s: int) -> Problem:
    detail = f"{why}; ask again in {again_s} s"
    return Problem(503, "studio", "Nothing could be drawn", detail, {"Retry-After": str(again_s)})
