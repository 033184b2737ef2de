"""State of a running service: the current index, jobs, changes, workers, render process and API keys."""

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
from genome_index.errors import GindexError
from genome_index.io.locks import locked
from genome_index.service.api_keys import list_keys
from genome_index.service.figures.pool import RenderPool
from genome_index.service.jobs.database import connect
from genome_index.service.jobs.index_changes import Changes, applied, taxonomy_path
from genome_index.service.jobs.queue import FINISHED, Job, Jobs, State
from genome_index.service.jobs.supervisor import Supervisor
from genome_index.service.jobs.uploads import path_of
from genome_index.service.metrics import Metrics
from genome_index.service.problems import Problem
from genome_index.service.rate_limit import Rates
from genome_index.service.required_keys import require_safe
from genome_index.service.settings import ServeSettings
from genome_index.service.views.index_view import IndexView

JOBS_EVERY_S = 0.01  # check for finished jobs that a request waits for
CHANGES_EVERY_S = 0.2  # check for a requested change of the index
INDEX_EVERY_S = 1.0  # check for a new snapshot of the index
CHECKERS = 2  # threads that unpack and check uploads

Result = TypeVar("Result")
log = logging.getLogger(__name__)


class Service:
    """One service, from `start` to `stop`."""

    def __init__(self, settings: ServeSettings) -> None:
        self.settings = settings
        self.limits = settings.limits
        self._locks = ExitStack()
        self._locks.enter_context(locked(settings.data, wait_s=0.0))  # one service for each folder
        self.keys = connect(settings.data)
        require_safe(settings, self.number_of_keys())
        self.index_view = IndexView.open(settings.index, settings.model)
        self._map_text: str | None = None
        self._mapped_view: IndexView | None = None  # the view of that map
        self.jobs = Jobs(settings.data, settings.limits)
        self.changes = Changes(settings.data)
        self._watched = Jobs(settings.data, settings.limits)  # of the event loop, to see commits of workers
        self.rates = Rates(settings.limits.requests_each)
        self.metrics = Metrics()
        self.render_pool = RenderPool()
        self.supervisor = Supervisor(settings)
        self._disk = ThreadPoolExecutor(1, "jobs")  # SQLite allows one thread at a time
        self._checks = ThreadPoolExecutor(CHECKERS, "checks")
        self._waiters: dict[asyncio.Event, str] = {}  # event -> id of the job
        self.is_stopping = False  # no request waits any more
        self._checked_version = -1  # of the jobs, at the last check of the waiters
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start workers and background tasks."""
        self.supervisor.start()
        self.changes.resume()
        tasks = [
            self._wake_waiters,
            self._follow_index,
            *([self._apply_change] if self.settings.admin else []),
        ]
        self._tasks = [asyncio.create_task(_repeated(task)) for task in tasks]

    def end_waits(self) -> None:
        """Answer requests that wait, now and from now on, with the current state; their callers ask again."""
        self.is_stopping = True
        for event in self._waiters:
            event.set()

    async def stop(self) -> None:
        """Stop in good order; unanswered jobs continue at the next start."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        await asyncio.to_thread(self.supervisor.stop)
        await asyncio.to_thread(self.close)

    def close(self) -> None:
        """Close the files and threads of a service that has stopped, or was never started."""
        self.supervisor.close()
        self.render_pool.close()
        self._disk.shutdown()
        self._checks.shutdown()
        for database in (self.jobs, self._watched, self.changes, self.keys):
            database.close()
        self._locks.close()

    def number_of_keys(self) -> int:
        return len(list_keys(self.keys))

    async def on_disk(self, function: Callable[..., Result], *values: object) -> Result:
        """Run a function that reads or writes the jobs, outside the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._disk, partial(function, *values))

    async def in_checks(self, function: Callable[..., Result], *values: object) -> Result:
        """Run a function that checks or converts data, outside the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._checks, partial(function, *values))

    # -- waiting ---------------------------------------------------------------------------------------------

    async def until_finished(self, job_id: str, timeout_s: float) -> Job:
        """The job when it is finished, or its current state after the timeout or when the service stops."""
        event = asyncio.Event()
        self._waiters[event] = job_id
        try:
            state: State | None = self._watched.states([job_id]).get(job_id)
            if state is not None and state not in FINISHED and not self.is_stopping:
                with suppress(TimeoutError):
                    await asyncio.wait_for(event.wait(), timeout_s)
        finally:
            del self._waiters[event]
        return await self.on_disk(self.jobs.get, job_id)

    async def _wake_waiters(self) -> None:
        """Wake the requests that wait for a job that is finished or deleted."""
        await asyncio.sleep(JOBS_EVERY_S)
        if not self._waiters or (version := self._watched.version()) == self._checked_version:
            return
        states = self._watched.states(sorted(set(self._waiters.values())))
        for event, job in list(self._waiters.items()):
            if states.get(job, "done") in FINISHED:
                event.set()
        self._checked_version = version

    # -- the index -------------------------------------------------------------------------------------------

    async def _follow_index(self) -> None:
        """Open a new snapshot, then its map; until they are loaded the old ones are served."""
        settings = self.settings
        if not self.index_view.is_current():
            self.index_view = await asyncio.to_thread(IndexView.open, settings.index, settings.model)
        if self._mapped_view is not self.index_view:
            view = self.index_view
            new_map = await self.render_pool.map(settings.index, settings.model)
            text = await asyncio.to_thread(_map_json, view, new_map)
            if text is not None:  # else the index has changed again
                self._mapped_view, self._map_text = view, text
        await asyncio.sleep(INDEX_EVERY_S)

    async def _apply_change(self) -> None:
        """Apply the next requested change of the index."""
        change = await self.on_disk(self.changes.claim)
        if change is None:
            return await asyncio.sleep(CHANGES_EVERY_S)
        messages, problem = await applied(self.settings, change)
        await self.on_disk(self.changes.finish, change.id, messages, problem)
        for upload in (path_of(self.settings.data, change.id), taxonomy_path(self.settings.data, change.id)):
            upload.unlink(missing_ok=True)
        return None

    async def map_text(self) -> str | None:
        """The map as JSON; None while the first map is made."""
        return self._map_text


async def _repeated(task: Callable[[], Awaitable[None]]) -> None:
    """Repeat a task for ever; an error is logged, and the task repeated after a pause."""
    while True:
        try:
            await task()
        except (GindexError, Problem, sqlite3.Error, OSError) as error:
            log.error("%s", error)
            await asyncio.sleep(INDEX_EVERY_S)


def _map_json(view: IndexView, new_map: Map) -> str | None:
    data = view.map(new_map)
    return None if data is None else json.dumps(data, ensure_ascii=False)
