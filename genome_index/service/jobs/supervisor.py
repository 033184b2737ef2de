"""Supervisor of the workers: starts them, replaces dead ones, ends stuck ones, deletes expired jobs."""

from __future__ import annotations

import logging
import os
import threading
import time
from contextlib import suppress

from genome_index.errors import GindexError
from genome_index.io.atomic import disk_errors
from genome_index.service.jobs.claims import Claims, too_slow
from genome_index.service.jobs.database import FOLDER
from genome_index.service.jobs.private_files import private_folder
from genome_index.service.jobs.uploads import path_of
from genome_index.service.jobs.worker import work
from genome_index.service.processes import ChildProcess, stop_all
from genome_index.service.settings import ServeSettings

CHECK_EVERY_S = 0.2
CLEAR_EVERY_S = 30.0
GRACE_S = 5.0  # more than a worker needs to stop by itself at a job that takes too long
STOP_WITHIN_S = (
    20.0  # for the batch in hand; after that workers are killed, and their jobs go on at the next start
)
LONGEST_PAUSE_S = 30.0  # before a restart of a worker that dies again and again
ORPHAN_S = 3600.0  # age at which an upload without a job is deleted: its caller or the service died

log = logging.getLogger(__name__)


class Supervisor:
    """The worker processes of a service."""

    def __init__(self, settings: ServeSettings) -> None:
        self.settings = settings
        self.deaths = 0  # since the start; an orderly stop is none
        self._claims = Claims(settings.data, settings.limits, "supervisor")
        self._workers: dict[str, ChildProcess] = {}  # by slot
        self._restart: dict[str, tuple[float, float]] = {}  # slot -> time of the restart, pause before it (s)
        self._stopping = threading.Event()
        self._cleared = 0.0
        self._thread = threading.Thread(target=self._supervise, name="supervisor", daemon=True)

    def start(self) -> None:
        """Queue the jobs that an earlier service left running, and start the workers."""
        self._claims.release(None, died=True)
        self._clear(older_than_s=0.0)
        self._thread.start()

    def stop(self) -> None:
        """Let each worker finish its batch; what is not answered then goes on at the next start."""
        self._stopping.set()
        self._thread.join()
        workers = list(self._workers.values())
        stop_all(workers, STOP_WITHIN_S)
        for worker in workers:
            self._claims.release(worker.name, died=False)

    def close(self) -> None:
        self._claims.close()

    @property
    def ready(self) -> int:
        """The number of workers that can answer now."""
        return sum(worker.is_ready and worker.is_alive for worker in list(self._workers.values()))

    def _supervise(self) -> None:
        while not self._stopping.is_set():
            try:
                for number in range(self.settings.workers):
                    self._keep_running(f"worker-{number + 1}")
                self._end_stuck()
                if time.monotonic() >= self._cleared + CLEAR_EVERY_S:
                    self._clear(ORPHAN_S)
            except GindexError as error:  # a full disk, for example; the next round may succeed
                log.error("%s", error)
            self._stopping.wait(CHECK_EVERY_S)

    def _keep_running(self, slot: str) -> None:
        worker = self._workers.get(slot)
        if worker is not None and worker.is_alive:
            worker.check_ready()
            return
        if worker is not None:
            self._after_death(slot, worker)
        if time.monotonic() >= self._restart.get(slot, (0.0, 0.0))[0]:
            self._workers[slot] = self._started(slot)

    def _after_death(self, slot: str, worker: ChildProcess) -> None:
        self.deaths += 1
        del self._workers[slot]
        self._claims.release(worker.name, died=True)
        _, pause_before_s = self._restart.get(slot, (0.0, 0.0))
        pause_s = 0.0 if worker.check_ready() else min(LONGEST_PAUSE_S, max(1.0, 2 * pause_before_s))
        self._restart[slot] = (time.monotonic() + pause_s, pause_s)
        log.error("%s; it starts again in %.0f s", worker.how_it_ended(), pause_s)

    def _started(self, slot: str) -> ChildProcess:
        """A new worker; its libraries use its share of the processors.

        More threads than that wait for each other: with all of them, sixteen callers of one worker on two
        processors waited six times as long.
        """
        name = f"{slot}-{os.getpid()}-{time.time_ns()}"
        threads = max(1, (os.cpu_count() or 1) // (self.settings.workers + 1))
        return ChildProcess(name, work, self.settings, name, threads=threads)

    def _end_stuck(self) -> None:
        """Kill workers whose job is overdue: one that is not stuck has stopped at the job by itself."""
        for job, name in self._claims.overdue(GRACE_S):
            self._claims.fail(job, too_slow(self.settings.limits))
            path_of(self.settings.data, job).unlink(missing_ok=True)
            for worker in self._workers.values():
                if worker.name == name:
                    worker.kill()

    def _clear(self, older_than_s: float) -> None:
        """Delete what has expired, and sequences that no job needs."""
        self._cleared = time.monotonic()
        self._claims.expire()
        needed, folder = self._claims.with_sequence(), self.settings.data / FOLDER
        with disk_errors(folder):
            private_folder(folder)
            for path in folder.iterdir():
                with suppress(FileNotFoundError):  # a worker has just deleted it
                    if path.name not in needed and time.time() - path.stat().st_mtime >= older_than_s:
                        path.unlink()
