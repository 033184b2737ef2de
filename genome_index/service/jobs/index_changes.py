"""Changes of the index requested over HTTP: stored like jobs, applied one at a time in a child process.

A change that a dying service leaves unfinished is repeated if that is safe: genomes that were added are
skipped, names that were changed are set to the same value. For the others the outcome is unknown, and the
change says so.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
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
from genome_index.service.processes import ChildDied, ChildProcess, answer_calls
from genome_index.service.settings import ServeSettings
from genome_index.taxonomy.lookup import Taxonomy
from genome_index.taxonomy.tables import read_taxonomy

Action = Literal["add", "remove", "relabel", "undo", "refit"]
REPEATABLE: tuple[Action, ...] = ("add", "relabel", "refit")
UNKNOWN = (
    "the service ended while it applied this change; the history in GET /v1/index shows whether it was "
    "applied; if not, send it again"
)


@dataclass(frozen=True)
class ChangeRequest:
    """The contents of a change."""

    genomes: tuple[str, ...] = ()  # ids of the genomes to remove or relabel
    names: tuple[tuple[str, str], ...] = ()  # rank or label, new name; an empty name removes the old one
    name: str = ""  # file name of the genomes to add
    genome_per: GenomePer = "file"
    has_taxonomy: bool = False


@dataclass(frozen=True)
class Change:
    """A change as it is stored."""

    id: str
    caller: str
    action: Action
    request: ChangeRequest
    state: Literal["queued", "running", "done", "failed"]
    messages: tuple[str, ...]  # what was done, a sentence each
    problem: str | None  # why it failed
    created: float  # seconds since 1970
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
            raise not_found("no change has this id", "GET /v1/index has the history of the index")
        return _change(row)

    def claim(self) -> Change | None:
        """Mark the next change as running and return it; None if there is none."""
        with storage_errors(self.data), changing(self._db):
            row = self._db.execute(
                "SELECT * FROM changes WHERE state = 'queued' ORDER BY number LIMIT 1"
            ).fetchone()
            if row is not None:
                self._db.execute("UPDATE changes SET state = 'running' WHERE id = ?", (row["id"],))
        return _change(row) if row is not None else None

    def finish(self, change_id: str, messages: Sequence[str], problem: str | None) -> None:
        state = "failed" if problem else "done"
        with storage_errors(self.data):
            self._db.execute(
                "UPDATE changes SET state = ?, done = ?, problem = ?, finished = ? WHERE id = ?",
                (state, json.dumps(messages), problem, time.time(), change_id),
            )

    def resume(self) -> None:
        """Queue again, or end as failed, what an earlier service left running."""
        marks = ", ".join("?" * len(REPEATABLE))
        with storage_errors(self.data), changing(self._db):
            self._db.execute(
                f"UPDATE changes SET state = 'queued' WHERE state = 'running' AND action IN ({marks})",
                REPEATABLE,
            )
            self._db.execute(
                "UPDATE changes SET state = 'failed', problem = ?, finished = ? WHERE state = 'running'",
                (UNKNOWN, time.time()),
            )


Outcome = tuple[list[str], str | None]  # what was done, a sentence each; why it failed


async def applied(settings: ServeSettings, change: Change) -> Outcome:
    """Apply a change in a child process, which is killed on cancellation; the index stays whole."""
    child = ChildProcess(f"change {change.action}", answer_calls)
    try:
        return await asyncio.to_thread(child.call, None, _apply, settings, change), None
    except ChildDied:
        return [], UNKNOWN
    except GindexError as error:
        return [], str(error)
    finally:
        child.kill()


def _apply(settings: ServeSettings, change: Change) -> list[str]:
    return APPLY[change.action](settings, change, ChangeSettings(threads=1, model=settings.model))


def _add(settings: ServeSettings, change: Change, change_settings: ChangeSettings) -> list[str]:
    sequence, request = path_of(settings.data, change.id), change.request
    taxonomy = read_taxonomy(taxonomy_path(settings.data, change.id)) if request.has_taxonomy else None
    genomes = genomes_of(sequence, request.name, request.genome_per)
    summary = add(settings.index, genomes, taxonomy, change_settings)
    messages = [f"added {counted(summary.added)}: the index holds {summary.index.snapshot.genomes:,}"]
    messages += [f"{counted(summary.unchanged)} already in the index, unchanged"] if summary.unchanged else []
    messages += [f"{failure.id}: {failure.reason}" for failure in summary.failures]
    messages += [*summary.warnings, *(pair.sentence for pair in summary.index.interleaved)]
    return messages + summary.index.due()


def _remove(settings: ServeSettings, change: Change, change_settings: ChangeSettings) -> list[str]:
    summary = changes.remove(settings.index, change.request.genomes, change_settings)
    return [f"removed {counted(summary.removed)}: the index holds {summary.index.snapshot.genomes:,}"]


def _relabel(settings: ServeSettings, change: Change, change_settings: ChangeSettings) -> list[str]:
    [genome_id] = change.request.genomes
    index = Index.open(settings.index, settings.model)
    [entry] = index.catalog.find([genome_id]).values() or [None]
    if entry is None:
        raise UsageError(f"no genome of the index has the id {genome_id}")
    taxonomy = Taxonomy({genome_id: renamed(entry.taxon, change.request.names)}, index.snapshot.taxonomy)
    summary = changes.relabel(settings.index, taxonomy, change_settings)
    pairs = (pair.sentence for pair in summary.index.interleaved)
    return [f"relabelled {counted(summary.relabelled)}", *summary.warnings, *pairs]


def _undo(settings: ServeSettings, change: Change, change_settings: ChangeSettings) -> list[str]:
    return [undo(settings.index, change_settings.wait_s).snapshot.restored]


def _refit(settings: ServeSettings, change: Change, change_settings: ChangeSettings) -> list[str]:
    summary = changes.refit(settings.index, change_settings)
    return [f"fitted again on {counted(summary.index.snapshot.genomes)}"]


APPLY = {"add": _add, "remove": _remove, "relabel": _relabel, "undo": _undo, "refit": _refit}


def renamed(taxon: Taxon, names: Sequence[tuple[str, str]]) -> Taxon:
    """The taxon with some names changed; the others stay.

    >>> renamed(Taxon(Lineage({"genus": "Hyla"}), {"host": "x"}), [("species", "Hyla arborea"), ("host", "")])
    Taxon(lineage=Lineage(names={'genus': 'Hyla', 'species': 'Hyla arborea'}), labels={})
    """
    merged = {**taxon.lineage.names, **taxon.labels, **dict(names)}
    given = {key: name for key, name in merged.items() if name}
    ranks = {rank: given[rank] for rank in RANKS if rank in given}
    return Taxon(Lineage(ranks), {key: name for key, name in given.items() if key not in RANKS})


def taxonomy_path(data: Path, change_id: str) -> Path:
    return path_of(data, change_id).with_suffix(".tsv")


def _change(row: sqlite3.Row) -> Change:
    request = json.loads(row["wish"])
    request["genomes"] = tuple(request["genomes"])
    request["names"] = tuple((rank, name) for rank, name in request["names"])
    return Change(
        row["id"], row["caller"], cast(Action, row["action"]), ChangeRequest(**request), row["state"],
        tuple(json.loads(row["done"])), row["problem"], row["created"], row["finished"],
    )  # fmt: skip
