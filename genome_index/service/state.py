"""The service behind the routes: the index as it is now, the jobs, who draws, and who may ask."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from functools import partial
from typing import TypeVar

from genome_index.collection.map import Map
from genome_index.errors import GindexError, UsageError
from genome_index.io.locks import locked
from genome_index.service.api_keys import list_keys
from genome_index.service.figures.pool import Studio
from genome_index.service.jobs.database import connect
from genome_index.service.jobs.index_changes import Changes, carried_out, taxonomy_path
from genome_index.service.jobs.queue import OVER, Job, Jobs, State
from genome_index.service.jobs.supervisor import Crew
from genome_index.service.jobs.uploads import path_of
from genome_index.service.metrics import Metrics
from genome_index.service.problems import Problem
from genome_index.service.rate_limit import Rates
from genome_index.service.settings import ServeSettings
from genome_index.service.views.index_view import Library

LOOK_EVERY_S = 0.01  # whether a job that somebody waits for is over
CHANGES_EVERY_S = 0.2  # whether a change of the index is asked for
INDEX_EVERY_S = 1.0  # whether the index has a new snapshot
CHECKERS = 2  # threads that unpack and check what comes in

Result = TypeVar("Result")
log = logging.getLogger(__name__)


class Service:
    """One service, from `start` to `stop`."""

    def __init__(self, settings: ServeSettings) -> None:
        self.settings = settings
        self.limits = settings.limits
        self._held = ExitStack()
        self._held.enter_context(locked(settings.data, wait_s=0.0))  # one service a folder
        self.keys = connect(settings.data)
        require_safe(settings, self.keys_there())
        self.library = Library.open(settings.index, settings.model)
        self._map_text: str | None = None
        self._mapped: Library | None = None  # whose map that is
        self.jobs = Jobs(settings.data, settings.limits)
        self.changes = Changes(settings.data)
        self._watched = Jobs(settings.data, settings.limits)  # of the event loop; sees what others commit
        self.rates = Rates(settings.limits.requests_each)
        self.metrics = Metrics()
        self.studio = Studio()
        self.crew = Crew(settings)
        self._disk = ThreadPoolExecutor(1, "jobs")  # SQLite wants one thread at a time
        self._checks = ThreadPoolExecutor(CHECKERS, "checks")
        self._waiters: dict[asyncio.Event, str] = {}
        self._seen = -1  # the version of the jobs when the waiters were last looked through
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        self.crew.start()
        self.changes.take_over()
        tasks = [self._ring, self._follow_index, *([self._carry_out] if self.settings.admin else [])]
        self._tasks = [asyncio.create_task(_kept_up(task)) for task in tasks]

    async def stop(self) -> None:
        """Nothing is lost: what is not answered yet goes on at the next start."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        await asyncio.to_thread(self.crew.stop)
        await asyncio.to_thread(self.studio.close)
        self._disk.shutdown()
        self._checks.shutdown()
        for database in (self.jobs, self._watched, self.changes, self.keys):
            database.close()
        self._held.close()

    def keys_there(self) -> int:
        return len(list_keys(self.keys))

    async def on_disk(self, act: Callable[..., Result], *values: object) -> Result:
        """Run what reads or writes the jobs, beside the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._disk, partial(act, *values))

    async def in_checks(self, act: Callable[..., Result], *values: object) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._checks, partial(act, *values))

    # -- waiting ---------------------------------------------------------------------------------------------

    async def until_over(self, job_id: str, timeout_s: float) -> Job:
        """The job when it is over, or as it is when the time is."""
        event = asyncio.Event()
        self._waiters[event] = job_id
        try:
            state: State | None = self._watched.states([job_id]).get(job_id)
            if state is not None and state not in OVER:
                with suppress(TimeoutError):
                    await asyncio.wait_for(event.wait(), timeout_s)
        finally:
            del self._waiters[event]
        return await self.on_disk(self.jobs.get, job_id)

    async def _ring(self) -> None:
        """Wake whoever waits for a job that is over, or gone."""
        await asyncio.sleep(LOOK_EVERY_S)
        if not self._waiters or (version := self._watched.version()) == self._seen:
            return
        states = self._watched.states(sorted(set(self._waiters.values())))
        for event, job in list(self._waiters.items()):
            if states.get(job, "done") in OVER:
                event.set()
        self._seen = version

    # -- the index -------------------------------------------------------------------------------------------

    async def _follow_index(self) -> None:
        """Turn to a new snapshot, and then to its map; until they are there the old ones answer."""
        settings = self.settings
        if not self.library.is_current():
            self.library = await asyncio.to_thread(Library.open, settings.index, settings.model)
        if self._mapped is not self.library:
            library = self.library
            found = await self.studio.map(settings.index, settings.model)
            text = await asyncio.to_thread(_as_text, library, found)
            if text is not None:  # else the index has changed again
                self._mapped, self._map_text = library, text
        await asyncio.sleep(INDEX_EVERY_S)

    async def _carry_out(self) -> None:
        """The next change of the index that was asked for."""
        change = await self.on_disk(self.changes.claim)
        if change is None:
            return await asyncio.sleep(CHANGES_EVERY_S)
        done, problem = await carried_out(self.settings, change)
        await self.on_disk(self.changes.finish, change.id, done, problem)
        for left in (path_of(self.settings.data, change.id), taxonomy_path(self.settings.data, change.id)):
            left.unlink(missing_ok=True)
        return None

    async def map_text(self) -> str | None:
        """The map as JSON; None while the first is being made."""
        return self._map_text


async def _kept_up(task: Callable[[], Awaitable[None]]) -> None:
    """Do it again and again; what goes wrong is told, and tried again a little later."""
    while True:
        try:
            await task()
        except (GindexError, Problem, sqlite3.Error, OSError) as error:
            log.error("%s", error)
            await asyncio.sleep(INDEX_EVERY_S)


def _as_text(library: Library, found: Map) -> str | None:
    drawn = library.map(found)
    return None if drawn is None else json.dumps(drawn, ensure_ascii=False)


def require_safe(settings: ServeSettings, keys: int) -> None:
    """Refuse to listen to other machines without keys.

    Raises
    ------
    UsageError
    """
    if settings.asks_for_keys and not keys:
        why = (
            "--keys asks" if settings.keys else f"--host {settings.host} lets other machines ask, which calls"
        )
        raise UsageError(
            f"{why} for an API key, and {settings.data} holds none; make one with "
            f"`gindex key add NAME --data {settings.data}`"
        )
    if settings.admin and not keys:
        raise UsageError(
            f"--admin calls for an API key that may change the index, and {settings.data} holds none; make "
            f"one with `gindex key add NAME --admin --data {settings.data}`"
        )
