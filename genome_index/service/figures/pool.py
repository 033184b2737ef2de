"""Render pool: one child process that draws figures on request, while the service goes on answering.

It draws one figure at a time and keeps the index open. A process that dies, or is killed after too long, is
replaced at the next request; only the caller of that figure has to send the request again.
"""

from __future__ import annotations

import asyncio
import os
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar

from genome_index.collection.map import Map
from genome_index.service.figures import process
from genome_index.service.figures.process import index_state
from genome_index.service.figures.query_figures import QueryFigures
from genome_index.service.problems import Problem
from genome_index.service.processes import ChildDied, ChildProcess, ChildTimeout, answer_calls

ImageFormat = Literal["svg", "png"]
Result = TypeVar("Result")
Composition = asyncio.Task[dict[str, bytes]]  # format -> image

LIMIT_S = 120.0  # for a figure, and for the wait before it; a report with 200 genomes takes 4 s
MAP_LIMIT_S = 1800.0  # for a map, which is made once for each snapshot: 10 s for 7,378 genomes
MOST_WAITING = 8
MOST_COMPOSITIONS = 64  # of species, in memory; both formats have 0.3 MB, with 59 genomes 2 MB
GIVES_WAY = 5  # niceness of the process: answers come before figures


class RenderPool:
    """The render process of a service, used by one event loop."""

    def __init__(
        self, limit_s: float = LIMIT_S, map_limit_s: float = MAP_LIMIT_S, most_waiting: int = MOST_WAITING
    ) -> None:
        self.limit_s, self.map_limit_s, self.most_waiting = limit_s, map_limit_s, most_waiting
        self.waiting = 0  # requests, with the one that is drawn
        self._child: ChildProcess | None = None
        self._thread = ThreadPoolExecutor(1, "render")  # waits for the child
        self._turn = asyncio.Lock()
        self._compositions: OrderedDict[tuple[object, ...], Composition] = OrderedDict()
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The id of the process; None while there is none."""
        return None if self._child is None else self._child.pid

    async def report(
        self, path: Path, model: str, calls: Sequence[Mapping[str, Any]],
        figures: Sequence[QueryFigures | None], gzipped: bool = False,
    ) -> bytes:  # fmt: skip
        """The HTML of `gindex query --report`, from the stored calls and figures of a query.

        Raises
        ------
        Problem
            Too many requests wait, or the process died or took too long.
        GindexError
            The render process raised it.
        """
        index = (path, model, index_state(path))
        try:  # the caller waits no longer than for a figure; the map is finished all the same
            async with asyncio.timeout(self.limit_s):
                await self._request(self.map_limit_s, process.prepare_map, *index)
        except TimeoutError:
            what = "the map of the collection, or a figure before it,"
            raise _problem(f"{what} takes longer than {self.limit_s:g} s", 60) from None
        return await self._request(self.limit_s, process.report, *index, calls, figures, gzipped)

    async def map(self, path: Path, model: str) -> Map:
        """The map of a collection, made if it is missing; errors as in `report`."""
        return await self._request(self.map_limit_s, process.collection_map, path, model, index_state(path))

    async def species_composition(
        self, path: Path, model: str, name: str, theme: str, image_format: ImageFormat
    ) -> bytes:  # fmt: skip
        """The composition figure of all genomes of a species; errors as in `report`, or no such species."""
        state = index_state(path)
        key = (path, state, name, theme)
        if key not in self._compositions:
            request = self._request(
                self.limit_s, process.species_composition, path, model, state, name, theme
            )
            task = asyncio.create_task(request)
            task.add_done_callback(lambda task: self._drop_failed(key, task))
            self._compositions[key] = task
        self._compositions.move_to_end(key)
        while len(self._compositions) > MOST_COMPOSITIONS:
            self._compositions.popitem(last=False)
        return (await asyncio.shield(self._compositions[key]))[image_format]

    def close(self) -> None:
        """End the process at once, whatever it is doing; every later request is a Problem."""
        self._closed = True
        self._end()
        self._thread.shutdown()

    def _drop_failed(self, key: tuple[object, ...], task: Composition) -> None:
        if (task.cancelled() or task.exception()) and self._compositions.get(key) is task:
            del self._compositions[key]

    # -- one request at a time -------------------------------------------------------------------------------

    async def _request(self, limit_s: float, function: Callable[..., Result], *values: object) -> Result:
        """The result of `function` in the process; it is made to the end even if the caller has gone."""
        if self.waiting >= self.most_waiting:
            raise _problem(f"{self.waiting:,} figures wait, {self.most_waiting:,} are allowed", 30)
        self.waiting += 1
        task = asyncio.create_task(self._in_turn(limit_s, function, values))
        # If the caller has gone, nobody else retrieves the exception.
        task.add_done_callback(lambda task: task.cancelled() or task.exception())
        return await asyncio.shield(task)

    async def _in_turn(
        self, limit_s: float, function: Callable[..., Result], values: Sequence[object]
    ) -> Result:  # fmt: skip
        try:
            async with self._next_turn():
                return await self._result(limit_s, function, values)
        finally:
            self.waiting -= 1

    @asynccontextmanager
    async def _next_turn(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self.limit_s):
                await self._turn.acquire()
        except TimeoutError:
            raise _problem(f"the figures before this one took more than {self.limit_s:g} s", 60) from None
        try:
            yield
        finally:
            self._turn.release()

    async def _result(
        self, limit_s: float, function: Callable[..., Result], values: Sequence[object]
    ) -> Result:  # fmt: skip
        child = await self._living_child()
        try:
            return await self._in_thread(partial(child.call, limit_s, function, *values))
        except ChildDied:
            self._end()
            raise _problem("drawing was interrupted", 1) from None
        except ChildTimeout:
            self._end()
            raise _problem(f"drawing took longer than {limit_s:g} s and was stopped", 60) from None

    async def _living_child(self) -> ChildProcess:
        """The process, which has answered just now; a new one if it is dead or missing."""
        for _ in range(2):
            if self._closed:
                break
            if self._child is None:
                self._child = ChildProcess("render process", answer_calls, niceness=GIVES_WAY)
            try:
                await self._in_thread(partial(self._child.call, self.limit_s, os.getpid))
                return self._child
            except (ChildDied, ChildTimeout):
                self._end()
        raise _problem("drawing was interrupted", 10)

    async def _in_thread(self, function: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()


def _problem(why: str, retry_after_s: int) -> Problem:
    detail = f"{why}; retry in {retry_after_s} s"
    return Problem(
        503, "figures", "The figure could not be drawn", detail, {"Retry-After": str(retry_after_s)}
    )
