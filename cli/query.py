"""gindex query: which species these genomes are."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
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
    ProgressLine,
    Threads,
    all_inputs,
    require_format,
    say,
    tell_notes,
)

from genome_index.records import counted

if TYPE_CHECKING:
    from genome_index.classify.fragments.calls import Makeup
    from genome_index.records import Call
    from genome_index.taxonomy.input_plan import Plan


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
    fragments: Annotated[
        bool,
        typer.Option("--fragments", help="Each contig or read of 500 bp and more is a query of its own."),
    ] = False,
    threads: Threads = DEFAULT_THREADS,
    model: ModelOption = "",
    from_file: FromFile = None,
) -> None:
    """Say which species each genome is, how sure that is, and why."""
    from genome_index.classify.query import QuerySettings
    from genome_index.index.index import Index
    from genome_index.index.info import provenance
    from genome_index.pipeline import query_index
    from genome_index.report.calls import FORMATS

    require_format(format, ("table", *FORMATS))
    opened = Index.open(index, model)
    planned = _planned(all_inputs(inputs, from_file), genome_per, report, fragments)
    show = ProgressLine(live=output is not None or not sys.stdout.isatty())
    settings = QuerySettings(k, exclude_identical, threads, show)
    if fragments:
        from genome_index.classify.fragments.calls import query_fragments

        calls = query_fragments(opened, planned.inputs, settings)
    else:
        calls = query_index(opened, planned.inputs, planned.per, settings, report, show)
    outcome = _Outcome(calls, show, {} if fragments else None)
    if format == "table":
        _table(outcome, output)
    else:
        send(FORMATS[format](outcome, provenance(opened)), output)
    show.end()
    if report is not None:
        say(f"wrote {report}")
    _tell(outcome)


def _planned(inputs: list[str], genome_per: str | None, report: Path | None, fragments: bool) -> Plan:
    """What one query is; what only whole genomes have is refused to fragments."""
    from genome_index.errors import UsageError
    from genome_index.taxonomy.input_plan import Plan, plan

    if fragments:
        for option, given in (("--report", report), ("--genome-per", genome_per)):
            if given is not None:
                raise UsageError(f"{option} is for whole genomes; leave it out, or --fragments")
        return Plan(tuple(inputs), "record", None, ())
    planned = plan(inputs, None, genome_per)
    tell_notes(planned.notes)
    return planned


def _tell(outcome: _Outcome) -> None:
    """The truthful end: what came of how many inputs, of fragments by file; exits with 1 if one failed."""
    why = "; the rows of what failed say why" if outcome.failed else ""
    if why or outcome.number > 1:
        say(f"{counted(outcome.number, 'input')}: {outcome.verdicts()}{why}", error=bool(why))
    for line in outcome.by_file():
        say(line)
    if outcome.failed:
        raise typer.Exit(FAILED_INPUTS)


class _Outcome:
    """Calls passing through, counted and shown; those of fragments by file too, in `makeups`."""

    def __init__(
        self, calls: Iterable[Call], show: ProgressLine, makeups: dict[str, Makeup] | None = None
    ) -> None:
        self._calls, self._show, self._counts = calls, show, Counter[str]()
        self.makeups = makeups

    def __iter__(self) -> Iterator[Call]:
        for call in self._calls:
            self._counts[call.verdict] += 1
            self._enter(call)
            self._show.through("answered", self.number)
            yield call

    def _enter(self, call: Call) -> None:
        if self.makeups is not None:
            from genome_index.classify.fragments.calls import Makeup

            self.makeups.setdefault(call.source, Makeup()).add(call)

    def by_file(self) -> Iterator[str]:
        """A line for each file of fragments."""
        for source, makeup in (self.makeups or {}).items():
            bases = f"{makeup.bases:,} bp"
            yield f"{source}: {counted(makeup.fragments, 'fragment')}, {bases}: {_said(makeup.verdicts)}"

    @property
    def number(self) -> int:
        return self._counts.total()

    @property
    def failed(self) -> int:
        return self._counts["failed"]

    def verdicts(self) -> str:
        """As one says it: '712 species, 40 genus, 3 novel'."""
        return _said(self._counts)


def _said(counts: Counter[str]) -> str:
    return ", ".join(
        f"{count:,} {verdict.replace('_', ' ')}" for verdict, count in counts.most_common() if count
    )


def _table(outcome: _Outcome, output: Path | None) -> None:
    from gindex_cli.table import render

    send(chain(render(outcome), _made_of(outcome)), output)


def _made_of(outcome: _Outcome) -> Iterator[str]:
    """Which share of each file's bases goes to which name, once all of it has passed."""
    for source, makeup in (outcome.makeups or {}).items():
        yield f"\n{source}, {makeup.bases:,} bp in {counted(makeup.fragments, 'fragment')}, by bases:\n"
        for name, bases, share in makeup.shares():
            yield f"  {share:>6.1%}  {bases:>13,} bp  {name}\n"
