"""A worker: a process that keeps index and encoder warm, and answers whose turn it is, a batch at a time.

The genomes of several jobs go through the index together, which is cheaper than one by one; a large job gives
way to the others after each batch. Pictures are drawn when nobody waits for an answer. Whatever is unexpected
ends the process: who watches it queues its jobs again and starts another (crew.py).
"""

from __future__ import annotations

import json
import logging
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from multiprocessing.connection import Connection

from genome_index.classify.query import BATCH_BP, QuerySettings, answer
from genome_index.errors import StorageError, UnusableIndex
from genome_index.index.index import Index
from genome_index.index.info import provenance
from genome_index.index.snapshots import current_snapshot
from genome_index.records import Call, Failure, Genome
from genome_index.report.calls import call_json, call_of
from genome_index.report.html.write_query import MOST_PAINTED, MOST_PORTRAITS
from genome_index.service.figures.query_figures import drawn, painting_json
from genome_index.service.jobs.claims import Claims, too_slow
from genome_index.service.jobs.queue import Job
from genome_index.service.jobs.uploads import genomes_of, path_of
from genome_index.service.settings import ServeSettings

LOOK_EVERY_S = 0.005  # for work, while there is none; a look costs microseconds
FULL_DISK_S = 2.0  # until it is tried again
BATCH = 64  # genomes of all open jobs together
MOST_HITS = 50  # asked for of the index, so that jobs of different k share a batch

log = logging.getLogger(__name__)


@dataclass
class Open:
    """A job that this worker is at."""

    job: Job
    genomes: Iterator[Genome | Failure]  # what is left
    last: bool = False  # whether nothing is left


class Worker:
    def __init__(self, settings: ServeSettings, name: str) -> None:
        self.settings, self.data = settings, settings.data
        self.claims = Claims(settings.data, settings.limits, name)
        self.index = Index.open(settings.index, settings.model)
        self.open: list[Open] = []
        self.stopping = threading.Event()
        warm(self.index)

    def run(self) -> None:
        """Until told to stop: answer; with nothing to answer, draw; with nothing to draw, wait."""
        while not self.stopping.is_set():
            try:
                if not (self.answer_some() or self.draw_one()):
                    self.stopping.wait(LOOK_EVERY_S)
            except StorageError as error:
                log.error("%s", error)
                self._let_go()
        self.claims.release(self.claims.worker, died=False)

    def _let_go(self) -> None:
        """Give all jobs back, as soon as the disk takes it: what was answered last is not on it."""
        self.open = []
        while not self.stopping.wait(FULL_DISK_S):
            with suppress(StorageError):
                return self.claims.release(self.claims.worker, died=False)
        return None

    # -- answers ---------------------------------------------------------------------------------------------

    def answer_some(self) -> bool:
        """One batch of the open jobs; whether there was one."""
        self.open += [Open(job, self._genomes(job)) for job in self._claimed()]
        if not self.open:
            return False
        self.index = newest(self.index, self.settings.model)
        taken = self._take()
        found = self._answers(taken)
        wanted = self.claims.answer([(one.job.id, found[one.job.id], one.last) for one in self.open])
        over = [one for one in self.open if one.last or one.job.id not in wanted]
        self.open = [one for one in self.open if one not in over]
        for one in over:
            self._put_away(one.job)
        self._stop_slow()
        return True

    def _claimed(self) -> list[Job]:
        """More jobs, where those at hand fill no batch; else of callers who have none among them."""
        left = sum(one.job.inputs - one.job.answered for one in self.open)
        return self.claims.claim({one.job.caller for one in self.open} if left >= BATCH else ())

    def _genomes(self, job: Job) -> Iterator[Genome | Failure]:
        """What of a job is not answered yet."""
        path = path_of(self.data, job.id)
        return islice(genomes_of(path, job.name, job.asked.genome_per), job.answered, None)

    def _take(self) -> list[tuple[Job, Genome | Failure]]:
        """The next genomes up to a batch: of each caller's first job in turn."""
        taken: list[tuple[Job, Genome | Failure]] = []
        size = 0
        while len(taken) < BATCH and size < BATCH_BP and (left := [one for one in self.open if not one.last]):
            for one in {one.job.caller: one for one in reversed(left)}.values():
                genome = next(one.genomes, None)
                if genome is None:
                    one.last = True
                else:
                    taken.append((one.job, genome))
                    size += genome.length_bp if isinstance(genome, Genome) else 0
        return taken

    def _answers(self, taken: Sequence[tuple[Job, Genome | Failure]]) -> dict[str, list[str]]:
        """Job -> its calls as JSON. What is asked in another way is searched on its own."""
        made_by = provenance(self.index)
        found: dict[str, list[str]] = {one.job.id: [] for one in self.open}
        for exclude in sorted({job.asked.exclude_identical for job, _ in taken}):
            some = [(job, genome) for job, genome in taken if job.asked.exclude_identical == exclude]
            calls = answer(self.index, [genome for _, genome in some], QuerySettings(MOST_HITS, exclude))
            for (job, _), call in zip(some, calls, strict=True):
                shown = replace(call, hits=call.hits[: job.asked.k])
                found[job.id].append(json.dumps(call_json(shown, made_by), ensure_ascii=False))
        return found

    def _put_away(self, job: Job) -> None:
        """Delete the sequence of a job that is over, unless it is asked to be kept or still to be drawn."""
        if not (job.asked.keep or job.asked.pictures):
            path_of(self.data, job.id).unlink(missing_ok=True)

    def _stop_slow(self) -> None:
        limits = self.settings.limits
        for one in [one for one in self.open if time.time() - (one.job.started or 0) > limits.job_s]:
            self.claims.fail(one.job.id, too_slow(limits))
            self.open.remove(one)
            path_of(self.data, one.job.id).unlink(missing_ok=True)

    # -- pictures --------------------------------------------------------------------------------------------

    def draw_one(self) -> bool:
        """The pictures of one genome, if there are any to draw; small jobs do not wait for large ones."""
        job = self.claims.claim_pictures()
        if job is None:
            return False
        number = self.claims.pictured(job.id)
        genomes = genomes_of(path_of(self.data, job.id), job.name, job.asked.genome_per)
        genome = next(islice(genomes, number, MOST_PAINTED), None)
        if genome is not None and self._drawn(job, number, genome):
            self.claims.leave_pictures(job.id)
        else:
            self.claims.end_pictures(job.id, "done")
            self._put_away(replace(job, asked=replace(job.asked, pictures=False)))
        return True

    def _drawn(self, job: Job, number: int, genome: Genome | Failure) -> bool:
        """Whether the job is still wanted."""
        if isinstance(genome, Failure):
            return self.claims.picture(job.id, number, None, (None, None))
        call = self.claims.call(job.id, number)
        if call is None:
            return False
        made = drawn(self.index, genome, call_of(json.loads(call)), number < MOST_PORTRAITS)
        painting = json.dumps(painting_json(made.painting)) if made.painting else None
        portraits = tuple(made.portraits.get(theme) for theme in ("light", "dark"))
        return self.claims.picture(job.id, number, painting, portraits)


def newest(index: Index, model: str) -> Index:
    """The index as it is now: the same object, or its newest snapshot, warm; never one that is damaged."""
    if current_snapshot(index.path) in (index.snapshot.number, None):
        return index
    try:
        found = Index.open(index.path, model)
        warm(found)
    except UnusableIndex as error:
        log.error("the new snapshot cannot be used, so the old one is served on: %s", error)
        return index
    return found


def warm(index: Index) -> None:
    """Load and compile what the first query would wait for, by asking about a reference."""
    for entry in index.catalog.entries():
        genome = index.references.genome(entry.row)
        if genome is not None:
            answer_one: Iterator[Call] = answer(index, [genome], QuerySettings())
            next(answer_one)
            return


def work(settings: ServeSettings, name: str, parent: Connection) -> None:
    """The life of a worker process. It ends when told to, and when its parent is gone, however that went."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal; the parent says when to stop
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    worker = Worker(settings, name)
    signal.signal(signal.SIGTERM, lambda *_: worker.stopping.set())
    parent.send(worker.index.snapshot.number)  # ready
    worker.run()


def _end_with(parent: Connection) -> None:
    with suppress(EOFError, OSError):
        parent.recv()
    os._exit(1)
