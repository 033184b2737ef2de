"""Changes to the index that were asked for over HTTP: one after the other, in a process of their own.

They are kept like jobs. One that a dying service leaves is begun again where that does no harm: what was
added is passed over, what was relabelled is relabelled to the same. Of others it is said that nobody knows.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import signal
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal, cast

from genome_index.errors import GindexError, UsageError
from genome_index.index import changes
from genome_index.index.build import add
from genome_index.index.commit import ChangeSettings
from genome_index.index.index import Index, undo
from genome_index.io.reader import GenomePer
from genome_index.records import RANKS, Lineage, Taxon, counted
from genome_index.service.jobs.database import changing, connect, storage_errors
from genome_index.service.jobs.queue import new_id
from genome_index.service.jobs.uploads import genomes_of, path_of
from genome_index.service.problems import not_found
from genome_index.service.settings import ServeSettings
from genome_index.taxonomy.tables import Taxonomy, read_taxonomy

Action = Literal["add", "remove", "relabel", "undo", "refit"]
AGAIN: tuple[Action, ...] = ("add", "relabel", "refit")
UNKNOWN = (
    "the service ended while this was being done; GET /v1/index tells in its history whether it was, and if "
    "not, ask for it again"
)


@dataclass(frozen=True)
class ChangeRequest:
    """What a change is to do."""

    genomes: tuple[str, ...] = ()  # ids: of those to remove, or the one to relabel
    names: tuple[tuple[str, str], ...] = ()  # rank or label, and the new name; an empty one takes it away
    name: str = ""  # of the upload, for add
    genome_per: GenomePer = "file"
    has_taxonomy: bool = False


@dataclass(frozen=True)
class Change:
    id: str
    caller: str
    action: Action
    request: ChangeRequest
    state: Literal["queued", "running", "done", "failed"]
    done: tuple[str, ...]  # what was done, in sentences
    problem: str | None
    created: float
    finished: float | None


class Changes:
    """The changes of a service."""

    def __init__(self, data: Path) -> None:
        self.data, self._db = data, connect(data)

    def close(self) -> None:
        self._db.close()

    def add(self, caller: str, action: Action, request: ChangeRequest, change_id: str = "") -> Change:
        change_id = change_id or new_id()
        with storage_errors(self.data):
            self._db.execute(
                "INSERT INTO changes (id, caller, action, wish, created) VALUES (?, ?, ?, ?, ?)",
                (change_id, caller, action, json.dumps(asdict(request)), time.time()),
            )
        return self.get(change_id)

    def get(self, change_id: str) -> Change:
        row = self._db.execute("SELECT * FROM changes WHERE id = ?", (change_id,)).fetchone()
        if row is None:
            raise not_found("no change has this id", "GET /v1/index tells what was changed")
        return _change(row)

    def claim(self) -> Change | None:
        """The next change, now running."""
        with storage_errors(self.data), changing(self._db):
            row = self._db.execute(
                "SELECT * FROM changes WHERE state = 'queued' ORDER BY number LIMIT 1"
            ).fetchone()
            if row is not None:
                self._db.execute("UPDATE changes SET state = 'running' WHERE id = ?", (row["id"],))
        return _change(row) if row is not None else None

    def finish(self, change_id: str, done: Sequence[str], problem: str | None) -> None:
        state = "failed" if problem else "done"
        with storage_errors(self.data):
            self._db.execute(
                "UPDATE changes SET state = ?, done = ?, problem = ?, finished = ? WHERE id = ?",
                (state, json.dumps(done), problem, time.time(), change_id),
            )

    def take_over(self) -> None:
        """What an earlier service left unfinished."""
        marks = ", ".join("?" * len(AGAIN))
        with storage_errors(self.data), changing(self._db):
            self._db.execute(
                f"UPDATE changes SET state = 'queued' WHERE state = 'running' AND action IN ({marks})", AGAIN
            )
            self._db.execute(
                "UPDATE changes SET state = 'failed', problem = ?, finished = ? WHERE state = 'running'",
                (UNKNOWN, time.time()),
            )


Outcome = tuple[list[str], str | None]  # what was done, in sentences, and what went wrong


async def carried_out(settings: ServeSettings, change: Change) -> Outcome:
    """Do it, in a process of its own; who is cancelled meanwhile leaves the index as it was, or changed."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_carry_out, args=(settings, change, theirs), daemon=True)
    process.start()
    theirs.close()  # so that its end is seen
    try:
        return await asyncio.to_thread(_received, ours)
    finally:
        process.kill()


def _received(pipe: Connection) -> Outcome:
    try:
        found: Outcome = pipe.recv()
    except EOFError:
        return [], UNKNOWN
    return found


def _carry_out(settings: ServeSettings, change: Change, told: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal; the parent says when to stop
    change_settings = ChangeSettings(threads=1, model=settings.model)
    try:
        told.send((DO[change.action](settings, change, change_settings), None))
    except GindexError as error:
        told.send(([], str(error)))


def _add(settings: ServeSettings, change: Change, change_settings: ChangeSettings) -> list[str]:
    sequence, request = path_of(settings.data, change.id), change.request
    taxonomy = read_taxonomy(taxonomy_path(settings.data, change.id)) if request.has_taxonomy else None
    genomes = genomes_of(sequence, request.name, request.genome_per)
    found = add(settings.index, genomes, taxonomy, change_settings)
    said = [f"added {counted(found.added)}: the index holds {found.index.snapshot.genomes:,}"]
    said += [f"{counted(found.unchanged)} already there, just as sent"] if found.unchanged else []
    said += [f"{failure.id}: {failure.reason}" for failure in found.failures]
    return said + list(found.warnings) + found.index.due()


def _remove(settings: ServeSettings, change: Change, change_settings: ChangeSettings) -> list[str]:
    found = changes.remove(settings.index, change.request.genomes, change_settings)
    return [f"removed {counted(found.removed)}: the index holds {found.index.snapshot.genomes:,}"]


def _relabel(settings: ServeSettings, change: Change, change_settings: ChangeSettings) -> list[str]:
    [genome_id] = change.request.genomes
    index = Index.open(settings.index, settings.model)
    [entry] = index.catalog.find([genome_id]).values() or [None]
    if entry is None:
        raise UsageError(f"{genome_id}: no genome of the index is called that")
    taxonomy = Taxonomy({genome_id: renamed(entry.taxon, change.request.names)}, index.snapshot.taxonomy)
    found = changes.relabel(settings.index, taxonomy, change_settings)
    return [f"relabelled {counted(found.relabelled)}", *found.warnings]


def _undo(settings: ServeSettings, change: Change, change_settings: ChangeSettings) -> list[str]:
    found = undo(settings.index, change_settings.wait_s).snapshot
    return [f"back at snapshot {found.number} ({found.action}, {found.created}): {counted(found.genomes)}"]


def _refit(settings: ServeSettings, change: Change, change_settings: ChangeSettings) -> list[str]:
    found = changes.refit(settings.index, change_settings)
    return [f"fitted again on {counted(found.index.snapshot.genomes)}"]


DO = {"add": _add, "remove": _remove, "relabel": _relabel, "undo": _undo, "refit": _refit}


def renamed(taxon: Taxon, names: Sequence[tuple[str, str]]) -> Taxon:
    """The taxon with some names changed; those that are not spoken of stay.

    >>> renamed(Taxon(Lineage({"genus": "Hyla"}), {"host": "x"}), [("species", "Hyla arborea"), ("host", "")])
    Taxon(lineage=Lineage(names={'genus': 'Hyla', 'species': 'Hyla arborea'}), labels={})
    """
    known = {**taxon.lineage.names, **taxon.labels, **dict(names)}
    said = {key: name for key, name in known.items() if name}
    ranks = {rank: said[rank] for rank in RANKS if rank in said}
    return Taxon(Lineage(ranks), {key: name for key, name in said.items() if key not in RANKS})


def taxonomy_path(data: Path, change_id: str) -> Path:
    return path_of(data, change_id).with_suffix(".tsv")


def _change(row: sqlite3.Row) -> Change:
    wish = json.loads(row["wish"])
    names = tuple((rank, name) for rank, name in wish["names"])
    tuples = {"genomes": tuple(wish["genomes"]), "names": names}
    return Change(
        row["id"], row["caller"], cast(Action, row["action"]), ChangeRequest(**{**wish, **tuples}),
        row["state"],        tuple(json.loads(row["done"])), row["problem"], row["created"], row["finished"],
    )  # fmt: skip
