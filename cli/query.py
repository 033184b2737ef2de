"""gindex query: which species these genomes are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from gindex_cli.shared import (
    DEFAULT_INDEX,
    DEFAULT_THREADS,
    FAILED_INPUTS,
    FromFile,
    GenomePerOption,
    IndexDir,
    Inputs,
    ModelOption,
    Threads,
    all_inputs,
    out,
    say,
)

if TYPE_CHECKING:
    from genome_index.records import Call


def query(
    inputs: Inputs = None,
    index: IndexDir = DEFAULT_INDEX,
    k: Annotated[int, typer.Option("-k", min=1, max=50, help="Hits to report for each query.")] = 5,
    format: Annotated[str, typer.Option("--format", help="table, tsv, json or jsonl.")] = "table",
    output: Annotated[
        Path | None, typer.Option("--output", help="A file instead of standard output.")
    ] = None,
    exclude_identical: Annotated[
        bool, typer.Option("--exclude-identical", help="Leave out references with the query's very sequence.")
    ] = False,
    genome_per: GenomePerOption = None,
    threads: Threads = DEFAULT_THREADS,
    model: ModelOption = "",
    from_file: FromFile = None,
) -> None:
    """Say which species each genome is, how sure that is, and why."""
    from genome_index.index import Index
    from genome_index.inputs import plan
    from genome_index.pipeline import query_index
    from genome_index.query import QuerySettings
    from genome_index.report import FORMATS, provenance

    write = FORMATS.get(format) if format != "table" else None
    if write is None and format != "table":
        raise _unknown_format(format)
    opened = Index.open(index, model)
    planned = plan(all_inputs(inputs, from_file), None, genome_per)
    for note in planned.notes:
        say(f"note: {note}")
    settings = QuerySettings(k, exclude_identical, threads)
    outcome = _Outcome(query_index(opened, planned.inputs, planned.per, settings))
    if write is None:
        _table(outcome, output)
    else:
        _stream(write(outcome, provenance(opened)), output)
    if outcome.failed:
        say(
            f"{outcome.failed} of {outcome.answered + outcome.failed} inputs could not be read; "
            "their rows say why",
            error=True,
        )
        raise typer.Exit(FAILED_INPUTS)


class _Outcome:
    """Calls passing through, counted."""

    def __init__(self, calls: Iterable[Call]) -> None:
        self._calls, self.answered, self.failed = calls, 0, 0

    def __iter__(self) -> Iterator[Call]:
        for call in self._calls:
            self.failed += call.verdict == "failed"
            self.answered += call.verdict != "failed"
            yield call


def _stream(pieces: Iterable[str], output: Path | None) -> None:
    from genome_index.durable import disk_errors

    if output is None:
        out(pieces)
        return
    with disk_errors(output), output.open("w", encoding="utf-8") as file:
        file.writelines(pieces)


def _table(calls: Iterable[Call], output: Path | None) -> None:
    from gindex_cli.table import render

    _stream(render(calls), output)


def _unknown_format(given: str) -> Exception:
    from genome_index.errors import UsageError
    from genome_index.report import FORMATS

    return UsageError(f"no format is called {given!r}; choose one of: {', '.join(['table', *FORMATS])}")
