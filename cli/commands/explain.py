"""gindex explain: the whole way to the verdict of each genome."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer
from gindex_cli.choices import ExplanationFormat
from gindex_cli.columns import is_terminal
from gindex_cli.inputs import planned_inputs
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

if TYPE_CHECKING:
    from genome_index.classify.explanation.records import Explanation
    from genome_index.index.index import Index


def explain(
    inputs: Inputs = None,
    index: IndexDir = DEFAULT_INDEX,
    format: Annotated[
        ExplanationFormat, typer.Option("--format", help="Output format.")
    ] = ExplanationFormat.TEXT,
    output: Output = None,
    exclude_identical: ExcludeIdentical = False,
    genome_per: GenomePerOption = None,
    id_from: IdFromOption = None,
    threads: Threads = DEFAULT_THREADS,
    model: ModelOption = "",
    from_file: FromFile = None,
) -> None:
    """Explain verdicts: rules, candidates, probabilities.

    The calls are those of `gindex query`. Every input gives one explanation, also one that cannot be read.
    """
    from genome_index.classify.settings import QuerySettings
    from genome_index.index.index import Index
    from genome_index.pipeline import explain_query

    opened = Index.open(index, model)
    plan = planned_inputs(inputs, from_file, None, genome_per, id_from)
    with ProgressLine(live=output is not None or not sys.stdout.isatty()) as show:
        settings = QuerySettings(exclude_identical=exclude_identical, threads=threads, progress=show)
        outcome = Outcome((), show)
        explained = _counted(explain_query(opened, plan.inputs, plan.per, settings), outcome)
        send(_text(explained, format, opened, is_terminal(output)), output)
    outcome.summarize("the reason is in the explanation of each failed input")


def _counted(explanations: Iterable[Explanation], outcome: Outcome) -> Iterator[Explanation]:
    for explanation in explanations:
        outcome.count(explanation.call)
        yield explanation


def _text(
    explanations: Iterable[Explanation], format: ExplanationFormat, index: Index, terminal: bool
) -> Iterator[str]:
    if format is ExplanationFormat.TEXT:
        from gindex_cli.explanation import render

        return render(explanations, terminal)
    from genome_index.index.info import provenance
    from genome_index.report.explanation.document import FORMATS

    return FORMATS[format.value](explanations, provenance(index))
