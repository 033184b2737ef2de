"""gindex evaluate: how often the calls of an index are right."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from gindex_cli.choices import ScoreFormat
from gindex_cli.options import DEFAULT_INDEX, DEFAULT_THREADS, IndexDir, Threads
from gindex_cli.progress import ProgressLine
from gindex_cli.run import out


def evaluate(
    index: IndexDir = DEFAULT_INDEX,
    rank: Annotated[
        str | None,
        typer.Option("--rank", metavar="RANK", help="Rank or label to evaluate; all of them by default."),
    ] = None,
    folds: Annotated[
        int,
        typer.Option(
            "--folds", metavar="N", min=0, help="Number of folds: fit on all but one, query that one."
        ),
    ] = 0,
    leave_one_out: Annotated[
        bool, typer.Option("--leave-one-out", help="Query each genome without itself (the default).")
    ] = False,
    hold_out_rank: Annotated[
        str | None,
        typer.Option(
            "--hold-out-rank", metavar="RANK", help="Leave out whole taxa of this rank: species, genus ..."
        ),
    ] = None,
    format: Annotated[ScoreFormat, typer.Option("--format", help="Output format.")] = ScoreFormat.TABLE,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Random seed of the folds.")] = 0,
    threads: Threads = DEFAULT_THREADS,
) -> None:
    """Query an index with its own genomes and count right calls."""
    from genome_index.errors import UsageError
    from genome_index.evaluate.answers import Plan
    from genome_index.evaluate.cross_validation import evaluate as evaluate_index
    from genome_index.evaluate.metrics import lines_of, scores
    from genome_index.index.index import Index

    if folds == 1 or (folds and leave_one_out):
        raise UsageError("give --folds 2 or more, or --leave-one-out, not both")
    plan = Plan(folds, hold_out_rank, rank, seed, threads)
    with ProgressLine() as show:
        metrics = scores(evaluate_index(Index.open(index), plan, show))
    is_json = format is ScoreFormat.JSON
    out([json.dumps(metrics, indent=1), "\n"] if is_json else (f"{line}\n" for line in lines_of(metrics)))
