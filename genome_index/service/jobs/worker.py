"""Worker process: keeps the index and its encoder in memory and answers jobs in batches.

The genomes of several jobs share a batch, which is cheaper than one genome at a time; a large job gives way
to the others after each batch. Figures are drawn when no query waits. An unexpected error ends the process:
the supervisor queues its jobs again and starts another worker (supervisor.py).
"""

from __future__ import annotations

import json
import logging
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from multiprocessing.connection import Connection

from genome_index.classify.batches import BATCH_BP
from genome_index.classify.query import answer
from genome_index.classify.settings import QuerySettings
from genome_index.errors import StorageError, UnusableIndex
from genome_index.index.index import Index
from genome_index.index.info import provenance
from genome_index.index.snapshots import current_snapshot
from genome_index.io.kernels.kernel import load_numba
from genome_index.records import Failure, Genome
from genome_index.report.calls import call_json, call_of
from genome_index.report.html.write_query import MOST_COMPOSITIONS, MOST_WITH_WINDOWS
from genome_index.service.figures.query_figures import draw, windows_json
from genome_index.service.jobs.claims import Claims, too_slow
from genome_index.service.jobs.queue import Job
from genome_index.service.jobs.uploads import genomes_of, path_of
from genome_index.service.processes import READY
from genome_index.service.settings import ServeSettings

CHECK_EVERY_S = 0.005  # for work, while there is none; a check costs microseconds
FULL_DISK_S = 2.0  # until a full disk is tried again
BATCH = 64  # genomes of all open jobs together
MOST_HITS = 50  # searched for each genome, so that jobs of different k share a batch

log = logging.getLogger(__name__)


@dataclass
class OpenJob:
    """A job that this worker is answering."""

    job: Job
    genomes: Iterator[Genome | Failure]  # not answered yet
    is_exhausted: bool = False


class Worker:
    """A worker of a service; `name` is unique to the process."""

    def __init__(self, settings: ServeSettings, name: str) -> None:
        self.settings, self.data = settings, settings.data
        self.claims = Claims(settings.data, settings.limits, name)
        self.index = Index.open(settings.index, settings.model)
        self.open: list[OpenJob] = []
        self.stopping = threading.Event()
        warm_up(self.index)

    def run(self) -> None:
        """Answer queries until `stopping` is set; draw when none waits, and sleep when nothing is to draw."""
        while not self.stopping.is_set():
            try:
                if not (self.answer_batch() or self.draw_next()):
                    self.stopping.wait(CHECK_EVERY_S)
            except StorageError as error:
                log.error("%s", error)
                self._release_all()
        self.claims.release(self.claims.worker, died=False)

    def _release_all(self) -> None:
        """Queue all jobs again, as soon as the disk takes it: their last answers are not on the disk."""
        self.open = []
        while not self.stopping.wait(FULL_DISK_S):
            with suppress(StorageError):
                return self.claims.release(self.claims.worker, died=False)
        return None

    # -- answers ---------------------------------------------------------------------------------------------

    def answer_batch(self) -> bool:
        """Answer one batch of the open jobs; False if there is no job."""
        self.open += [OpenJob(job, self._unanswered(job)) for job in self._claimed()]
        if not self.open:
            return False
        self.index = newest(self.index, self.settings.model)
        calls = self._calls(self._next_batch())
        wanted = self.claims.answer([(one.job.id, calls[one.job.id], one.is_exhausted) for one in self.open])
        finished = [one for one in self.open if one.is_exhausted or one.job.id not in wanted]
        self.open = [one for one in self.open if one not in finished]
        for one in finished:
            self._delete_sequence(one.job)
        self._stop_slow()
        return True

    def _claimed(self) -> list[Job]:
        """Further jobs: of any caller if the open jobs fill no batch, else of callers without an open job."""
        left = sum(one.job.inputs - one.job.answered for one in self.open)
        return self.claims.claim({one.job.caller for one in self.open} if left >= BATCH else ())

    def _unanswered(self, job: Job) -> Iterator[Genome | Failure]:
        path = path_of(self.data, job.id)
        return islice(genomes_of(path, job.name, job.settings.genome_per), job.answered, None)

    def _next_batch(self) -> list[tuple[Job, Genome | Failure]]:
        """The next genomes, of the first job of each caller in turn."""
        batch: list[tuple[Job, Genome | Failure]] = []
        size_bp = 0
        while len(batch) < BATCH and size_bp < BATCH_BP:
            unfinished = [one for one in self.open if not one.is_exhausted]
            if not unfinished:
                break
            for one in {one.job.caller: one for one in reversed(unfinished)}.values():
                genome = next(one.genomes, None)
                if genome is None:
                    one.is_exhausted = True
                else:
                    batch.append((one.job, genome))
                    size_bp += genome.length_bp if isinstance(genome, Genome) else 0
        return batch

    def _calls(self, batch: Sequence[tuple[Job, Genome | Failure]]) -> dict[str, list[str]]:
        """Job id -> its calls as JSON. Jobs with other search settings are searched separately."""
        source = provenance(self.index)
        calls: dict[str, list[str]] = {one.job.id: [] for one in self.open}
        for exclude in sorted({job.settings.exclude_identical for job, _ in batch}):
            part = [(job, genome) for job, genome in batch if job.settings.exclude_identical == exclude]
            answers = answer(self.index, [genome for _, genome in part], QuerySettings(MOST_HITS, exclude))
            for (job, _), call in zip(part, answers, strict=True):
                shown = replace(call, hits=call.hits[: job.settings.k])
                calls[job.id].append(json.dumps(call_json(shown, source), ensure_ascii=False))
        return calls

    def _delete_sequence(self, job: Job) -> None:
        """Delete the sequence of a finished job, unless the caller keeps it or figures need it."""
        if not (job.settings.keep or job.settings.pictures):
            path_of(self.data, job.id).unlink(missing_ok=True)

    def _stop_slow(self) -> None:
        limits = self.settings.limits
        for one in [one for one in self.open if time.time() - (one.job.started or 0) > limits.job_s]:
            self.claims.fail(one.job.id, too_slow(limits))
            self.open.remove(one)
            path_of(self.data, one.job.id).unlink(missing_ok=True)

    # -- figures ---------------------------------------------------------------------------------------------

    def draw_next(self) -> bool:
        """Draw the figures of one genome, of the smallest job first; False if there is nothing to draw."""
        job = self.claims.claim_pictures()
        if job is None:
            return False
        number = self.claims.pictured(job.id)
        genomes = genomes_of(path_of(self.data, job.id), job.name, job.settings.genome_per)
        genome = next(islice(genomes, number, MOST_WITH_WINDOWS), None)
        if genome is not None and self._draw(job, number, genome):
            self.claims.leave_pictures(job.id)
        else:
            self.claims.end_pictures(job.id, "done")
            self._delete_sequence(replace(job, settings=replace(job.settings, pictures=False)))
        return True

    def _draw(self, job: Job, number: int, genome: Genome | Failure) -> bool:
        """Draw and store the figures of an answer; False if the job was deleted meanwhile."""
        if isinstance(genome, Failure):
            return self.claims.picture(job.id, number, None, (None, None))
        call = self.claims.call(job.id, number)
        if call is None:
            return False
        figures = draw(self.index, genome, call_of(json.loads(call)), number < MOST_COMPOSITIONS)
        windows = json.dumps(windows_json(figures.windows)) if figures.windows else None
        compositions = tuple(figures.compositions.get(theme) for theme in ("light", "dark"))
        return self.claims.picture(job.id, number, windows, compositions)


def newest(index: Index, model: str) -> Index:
    """The newest usable snapshot, warm: `index` itself while it is current or the newer one is damaged."""
    if current_snapshot(index.path) in (index.snapshot.number, None):
        return index
    try:
        current = Index.open(index.path, model)
        warm_up(current)
    except UnusableIndex as error:
        log.error("the new snapshot cannot be used, the previous one is still served: %s", error)
        return index
    return current


def warm_up(index: Index) -> None:
    """Load and compile what the first query would wait for, by a query with a reference."""
    load_numba()
    for entry in index.catalog.entries():
        genome = index.references.genome(entry.row)
        if genome is not None:
            next(answer(index, [genome], QuerySettings()))
            return


def work(pipe: Connection, settings: ServeSettings, name: str) -> None:
    """The main function of a worker process: it works until SIGTERM."""
    worker = Worker(settings, name)
    signal.signal(signal.SIGTERM, lambda *_: worker.stopping.set())
    pipe.send(READY)
    worker.run()
