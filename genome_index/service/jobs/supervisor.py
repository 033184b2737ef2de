"""Who watches the workers: starts them, starts dead ones again, ends slow ones, and clears up behind all."""

from __future__ import annotations

import logging
import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from genome_index.errors import GindexError
from genome_index.index.parallel import VARIABLES
from genome_index.io.atomic import disk_errors
from genome_index.service.jobs.claims import Claims, too_slow
from genome_index.service.jobs.uploads import FOLDER
from genome_index.service.jobs.worker import work
from genome_index.service.settings import ServeSettings

LOOK_EVERY_S = 0.2
CLEAR_EVERY_S = 30.0
GRACE_S = 5.0  # more than a worker needs to see by itself that a job takes too long
STOP_WITHIN_S = 20.0  # a batch takes less; then what is left is ended, and goes on at the next start
LONGEST_PAUSE_S = 30.0  # between deaths and starts of a worker that dies again and again
ORPHAN_S = 3600.0  # an upload that belongs to no job, because its caller or the service died

log = logging.getLogger(__name__)


@dataclass
class Hand:
    """A worker process, seen from outside."""

    name: str
    process: BaseProcess
    pipe: Connection
    ready: bool = False
    began: float = field(default_factory=time.monotonic)


class Crew:
    """The worker processes of a service."""

    def __init__(self, settings: ServeSettings) -> None:
        self.settings = settings
        self.deaths = 0
        self._claims = Claims(settings.data, settings.limits, "crew")
        self._hands: dict[str, Hand] = {}
        self._pause_until: dict[str, tuple[float, float]] = {}  # slot -> when to start again, and that pause
        self._stopping = threading.Event()
        self._cleared = 0.0
        self._thread = threading.Thread(target=self._watch, name="crew", daemon=True)

    def start(self) -> None:
        """Take over what an earlier service left, and start the workers."""
        self._claims.release(None, died=True)
        self._clear(older_than_s=0.0)
        self._thread.start()

    def stop(self) -> None:
        """Let each worker finish its batch; what is not answered then goes on at the next start."""
        self._stopping.set()
        self._thread.join()
        for hand in self._hands.values():
            hand.process.terminate()
        end = time.monotonic() + STOP_WITHIN_S
        for hand in self._hands.values():
            hand.process.join(max(0.0, end - time.monotonic()))
            if hand.process.is_alive():
                hand.process.kill()
                hand.process.join()
            self._claims.release(hand.name, died=False)
        self._claims.close()

    @property
    def ready(self) -> int:
        """Workers that can answer now."""
        return sum(hand.ready and hand.process.is_alive() for hand in self._hands.values())

    def _watch(self) -> None:
        while not self._stopping.is_set():
            try:
                for number in range(self.settings.workers):
                    self._tend(f"worker-{number + 1}")
                self._end_slow()
                self._clear_now_and_then()
            except GindexError as error:  # a full disk, say; the next round may find it mended
                log.error("%s", error)
            self._stopping.wait(LOOK_EVERY_S)

    def _tend(self, slot: str) -> None:
        hand = self._hands.get(slot)
        if hand is not None and hand.process.is_alive():
            if not hand.ready and hand.pipe.poll():
                hand.pipe.recv()
                hand.ready = True
            return
        if hand is not None:
            self._buried(slot, hand)
        if time.monotonic() >= self._pause_until.get(slot, (0.0, 0.0))[0]:
            self._hands[slot] = self._started(slot)

    def _buried(self, slot: str, hand: Hand) -> None:
        self.deaths += 1
        del self._hands[slot]
        self._claims.release(hand.name, died=True)
        before = self._pause_until.get(slot, (0.0, 0.0))[1]
        pause = 0.0 if hand.ready else min(LONGEST_PAUSE_S, max(1.0, 2 * before))
        self._pause_until[slot] = (time.monotonic() + pause, pause)
        log.error("%s ended with code %s; it starts again in %.0f s", slot, hand.process.exitcode, pause)

    def _started(self, slot: str) -> Hand:
        context = multiprocessing.get_context("spawn")  # a fork would copy threads' locks
        ours, theirs = context.Pipe()
        name = f"{slot}-{os.getpid()}-{time.time_ns()}"
        process = context.Process(target=work, args=(self.settings, name, theirs), name=slot, daemon=True)
        with _few_threads(self.settings.workers):
            process.start()
        theirs.close()  # so that its end is seen, and ours by it
        return Hand(name, process, ours)

    def _end_slow(self) -> None:
        """Kill workers that are stuck: one that only has much to do stops by itself."""
        for job, worker in self._claims.overdue(GRACE_S):
            self._claims.fail(job, too_slow(self.settings.limits))
            for hand in self._hands.values():
                if hand.name == worker:
                    hand.process.kill()

    def _clear_now_and_then(self) -> None:
        if time.monotonic() >= self._cleared + CLEAR_EVERY_S:
            self._clear(ORPHAN_S)

    def _clear(self, older_than_s: float) -> None:
        """Delete what has expired, and sequences that no job needs any longer."""
        self._cleared = time.monotonic()
        self._claims.expire()
        needed, folder = self._claims.with_sequence(), self.settings.data / FOLDER
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            for path in folder.iterdir():
                with suppress(FileNotFoundError):  # a worker has just deleted it
                    if path.name not in needed and time.time() - path.stat().st_mtime >= older_than_s:
                        path.unlink()


@contextmanager
def _few_threads(workers: int) -> Iterator[None]:
    """Let a worker's libraries use its share of the processors: more threads than that wait for each other.

    With the default, sixteen callers of one worker on two processors waited six times as long.
    """
    share = str(max(1, (os.cpu_count() or 1) // (workers + 1)))
    before = {name: os.environ.get(name) for name in VARIABLES}
    os.environ.update(dict.fromkeys(VARIABLES, share))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
