"""gindex query: the species of genomes, with confidence and reasons."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from gindex_cli.choices import CallFormat, IdSource
from gindex_cli.columns import is_terminal
from gindex_cli.inputs import all_inputs, planned_inputs
from gindex_cli.options import (
    DEFAULT_INDEX,
    DEFAULT_THREADS,
    ExcludeIdentical,
    FromFile,
    GenomePerOption,
    IdFromOption,
    IndexDir,
    Inputs,
    ModelOption,
    Threads,
)
from gindex_cli.outcome import Outcome
from gindex_cli.output import Output, send
from gindex_cli.progress import ProgressLine
from gindex_cli.run import say

from genome_index.records import counted

if TYPE_CHECKING:
    from genome_index.index.index import Index
    from genome_index.records import Call
    from genome_index.taxonomy.input_plan import Plan


def query(
    inputs: Inputs = None,
    index: IndexDir = DEFAULT_INDEX,
    k: Annotated[
        int, typer.Option("-k", metavar="N", min=1, max=50, help="Number of hits to report per query.")
    ] = 5,
    format: Annotated[CallFormat, typer.Option("--format", help="Output format.")] = CallFormat.TABLE,
    output: Output = None,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="HTML file for a report of all calls.")
    ] = None,
    exclude_identical: ExcludeIdentical = False,
    genome_per: GenomePerOption = None,
    id_from: IdFromOption = None,
    fragments: Annotated[
        bool,
        typer.Option("--fragments", help="Classify each contig or read of at least 500 bp by itself."),
    ] = False,
    threads: Threads = DEFAULT_THREADS,
    model: ModelOption = "",
    from_file: FromFile = None,
) -> None:
    """Classify genomes: species, confidence and reason.

    Every input gives one call, also one that cannot be read.
    """
    from genome_index.index.index import Index
    from genome_index.index.info import provenance
    from genome_index.report.calls import FORMATS

    opened = Index.open(index, model)
    plan = _plan(inputs, from_file, genome_per, id_from, report, fragments)
    with ProgressLine(live=output is not None or not sys.stdout.isatty()) as show:
        calls = _calls(opened, plan, k, exclude_identical, threads, report, fragments, show)
        outcome = Outcome(calls, show, {} if fragments else None)
        if format is CallFormat.TABLE:
            send(_table(outcome, is_terminal(output)), output)
        else:
            send(FORMATS[format.value](outcome, provenance(opened)), output)
    if report is not None:
        say(f"wrote {report}")
    outcome.summarize("the reason is in the row of each failed input")


def _plan(
    inputs: list[str] | None,
    from_file: Path | None,
    genome_per: str | None,
    id_from: IdSource | None,
    report: Path | None,
    fragments: bool,
) -> Plan:
    """The unit of one query; fragments exclude the options of whole genomes."""
    from genome_index.errors import UsageError
    from genome_index.taxonomy.input_plan import Plan

    if not fragments:
        return planned_inputs(inputs, from_file, None, genome_per, id_from)
    for option, value in (("--report", report), ("--genome-per", genome_per), ("--id-from", id_from)):
        if value is not None:
            raise UsageError(f"{option} is for whole genomes; leave it out, or --fragments")
    return Plan(tuple(all_inputs(inputs, from_file)), "record", None, ())


def _calls(
    index: Index,
    plan: Plan,
    k: int,
    exclude_identical: bool,
    threads: int,
    report: Path | None,
    fragments: bool,
    show: ProgressLine,
) -> Iterator[Call]:
    from genome_index.classify.settings import QuerySettings
    from genome_index.pipeline import query_index

    settings = QuerySettings(k, exclude_identical, threads, show)
    if fragments:
        from genome_index.classify.fragments.calls import query_fragments

        return query_fragments(index, plan.inputs, settings)
    return query_index(index, plan.inputs, plan.per, settings, report, show)


def _table(outcome: Outcome, terminal: bool) -> Iterator[str]:
    from gindex_cli.table import render

    return chain(render(outcome, terminal), _shares(outcome))


def _shares(outcome: Outcome) -> Iterator[str]:
    """The share of each name in the bases of each file, after all calls."""
    for source, summary in (outcome.summaries or {}).items():
        yield f"\n{source}, {summary.bases:,} bp in {counted(summary.fragments, 'fragment')}, by bases:\n"
        for name, bases, share in summary.shares():
            yield f"  {share:>6.1%}  {bases:>13,} bp  {name}\n"
