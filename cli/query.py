"""gindex query: which species these genomes are."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from gindex_cli.output import Output, send
from gindex_cli.shared import (
    DEFAULT_INDEX,
    DEFAULT_THREADS,
    FAILED_INPUTS,
    FromFile,
    GenomePerOption,
    IndexDir,
    Inputs,
    ModelOption,
    Show,
    Threads,
    all_inputs,
    require_format,
    say,
    tell_notes,
)

from genome_index.records import counted

if TYPE_CHECKING:
    from genome_index.records import Call


def query(
    inputs: Inputs = None,
    index: IndexDir = DEFAULT_INDEX,
    k: Annotated[int, typer.Option("-k", min=1, max=50, help="Hits to report for each query.")] = 5,
    format: Annotated[str, typer.Option("--format", help="table, tsv, json or jsonl.")] = "table",
    output: Output = None,
    report: Annotated[
        Path | None, typer.Option("--report", help="A file for a page of all answers, as HTML.")
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

    require_format(format, ("table", *FORMATS))
    opened = Index.open(index, model)
    planned = plan(all_inputs(inputs, from_file), None, genome_per)
    tell_notes(planned.notes)
    show = Show(live=output is not None or not sys.stdout.isatty())
    settings = QuerySettings(k, exclude_identical, threads, show.progress)
    calls = query_index(opened, planned.inputs, planned.per, settings, report, show.progress)
    outcome = _Outcome(calls, show)
    if format == "table":
        _table(outcome, output)
    else:
        send(FORMATS[format](outcome, provenance(opened)), output)
    show.end()
    if report is not None:
        say(f"wrote {report}")
    why = "; the rows of what failed say why" if outcome.failed else ""
    if why or outcome.number > 1:
        say(f"{counted(outcome.number, 'input')}: {outcome.verdicts()}{why}", error=bool(why))
    if outcome.failed:
        raise typer.Exit(FAILED_INPUTS)


class _Outcome:
    """Calls passing through, counted and shown."""

    def __init__(self, calls: Iterable[Call], show: Show) -> None:
        self._calls, self._show, self._counts = calls, show, Counter[str]()

    def __iter__(self) -> Iterator[Call]:
        for call in self._calls:
            self._counts[call.verdict] += 1
            self._show.through("answered", self.number)
            yield call

    @property
    def number(self) -> int:
        return self._counts.total()

    @property
    def failed(self) -> int:
        return self._counts["failed"]

    def verdicts(self) -> str:
        """As one says it: '712 species, 40 genus, 3 novel'."""
        return ", ".join(
            f"{count:,} {verdict.replace('_', ' ')}" for verdict, count in self._counts.most_common() if count
        )


def _table(calls: Iterable[Call], output: Path | None) -> None:
    from gindex_cli.table import render

    send(render(calls), output)
