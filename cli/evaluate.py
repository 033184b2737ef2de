"""gindex evaluate: how good the calls of this index are."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from gindex_cli.shared import DEFAULT_INDEX, DEFAULT_THREADS, IndexDir, Show, Threads, out, require_format


def evaluate(
    index: IndexDir = DEFAULT_INDEX,
    rank: Annotated[str | None, typer.Option("--rank", help="A rank or label; all by default.")] = None,
    folds: Annotated[
        int, typer.Option("--folds", min=0, help="Fit on all folds but one, ask about that one, for each.")
    ] = 0,
    leave_one_out: Annotated[
        bool,
        typer.Option("--leave-one-out", help="Ask about each genome with itself left out (the default)."),
    ] = False,
    hold_out_rank: Annotated[
        str | None,
        typer.Option("--hold-out-rank", help="Leave whole taxa of this rank out: species, genus ..."),
    ] = None,
    format: Annotated[str, typer.Option("--format", help="table or json.")] = "table",
    seed: Annotated[int, typer.Option("--seed", help="Of the folds.")] = 0,
    threads: Threads = DEFAULT_THREADS,
) -> None:
    """Ask the index about its own genomes, and say how often it was right."""
    from genome_index.errors import UsageError
    from genome_index.evaluate import Plan
    from genome_index.evaluate import evaluate as evaluate_index
    from genome_index.index import Index
    from genome_index.scores import lines_of, scores

    require_format(format, ("table", "json"))
    if folds == 1 or (folds and leave_one_out):
        raise UsageError("give --folds 2 or more, or --leave-one-out, not both")
    show = Show()
    found = scores(
        evaluate_index(Index.open(index), Plan(folds, hold_out_rank, rank, seed, threads), show.progress)
    )
    show.end()
    out([json.dumps(found, indent=1), "\n"] if format == "json" else (f"{one}\n" for one in lines_of(found)))
