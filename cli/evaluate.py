"""gindex evaluate: how good the calls of this index are, and how much of that its encoder does alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from gindex_cli.shared import (
    DEFAULT_INDEX,
    DEFAULT_THREADS,
    IndexDir,
    ModelOption,
    ProgressLine,
    Threads,
    out,
    require_format,
)

if TYPE_CHECKING:
    from genome_index.evaluate.retrieval_queries import ProbePlan

Fragments = Annotated[
    str | None,
    typer.Option(
        "--fragments",
        metavar="LENGTHS",
        help="Ask the encoder alone, the nearest vector, about fragments of these lengths in bp, such as "
        "1000,3000,10000,whole.",
    ),
]
Each = Annotated[int | None, typer.Option("--each", min=1, help="Fragments of a genome; 1 by default.")]
Against = Annotated[
    Path | None,
    typer.Option(
        "--against",
        help="Ask the same fragments of another index of the same genomes, and say the difference.",
    ),
]
Only = Annotated[
    Path | None,
    typer.Option(
        "--only",
        help="Fragments of the genomes this file names: one id a line, or a table with a column genome_id.",
    ),
]
Part = Annotated[
    str | None, typer.Option("--part", help="Of the table of --only, a corpus's split.tsv: train or test.")
]


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
    fragments: Fragments = None,
    each: Each = None,
    against: Against = None,
    only: Only = None,
    part: Part = None,
    format: Annotated[str, typer.Option("--format", help="table or json.")] = "table",
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the folds, or of the fragments.")] = 0,
    model: ModelOption = "",
    threads: Threads = DEFAULT_THREADS,
) -> None:
    """Ask the index about its own genomes, and say how often it was right."""
    from genome_index.errors import UsageError

    require_format(format, ("table", "json"))
    if folds == 1 or (folds and leave_one_out):
        raise UsageError("give --folds 2 or more, or --leave-one-out, not both")
    if fragments is not None:
        if folds or leave_one_out or hold_out_rank:
            raise UsageError(
                "--fragments leaves out what it must by itself; leave out --folds, --leave-one-out and "
                "--hold-out-rank"
            )
        _encoder(index, model, _plan(fragments, each, only, part, rank, seed), against, format)
        return
    given = {"--each": each, "--against": against, "--only": only, "--part": part, "--model": model or None}
    if odd := [option for option, value in given.items() if value is not None]:
        raise UsageError(f"{odd[0]} is for --fragments LENGTHS; give that too, or leave {odd[0]} out")
    _calls(index, folds, hold_out_rank, rank, seed, threads, format)


def _plan(
    fragments: str, each: int | None, only: Path | None, part: str | None, rank: str | None, seed: int
) -> ProbePlan:
    from genome_index.errors import UsageError
    from genome_index.evaluate.retrieval_queries import ProbePlan, lengths_named
    from genome_index.io.id_list import read_ids

    if part is not None and only is None:
        raise UsageError(f"--part {part} is of the table of --only FILE; give that too")
    ids = read_ids(only, part) if only is not None else None
    return ProbePlan(lengths_named(fragments), each or 1, ids, rank, seed)


def _encoder(path: Path, model: str, plan: ProbePlan, against: Path | None, format: str) -> None:
    from genome_index.evaluate.retrieval import probe
    from genome_index.evaluate.retrieval_tables import probe_json, probe_lines
    from genome_index.index.index import Index

    show = ProgressLine()
    other = Index.open(against) if against is not None else None
    found = probe(Index.open(path, model), plan, other, show)
    show.end()
    whole = [json.dumps(probe_json(found), indent=1), "\n"]
    out(whole if format == "json" else (f"{line}\n" for line in probe_lines(found)))


def _calls(
    path: Path, folds: int, hold_out_rank: str | None, rank: str | None, seed: int, threads: int, format: str
) -> None:
    from genome_index.evaluate.cross_validation import Plan
    from genome_index.evaluate.cross_validation import evaluate as evaluate_index
    from genome_index.evaluate.metrics import lines_of, scores
    from genome_index.index.index import Index

    show = ProgressLine()
    plan = Plan(folds, hold_out_rank, rank, seed, threads)
    found = scores(evaluate_index(Index.open(path), plan, show))
    show.end()
    out([json.dumps(found, indent=1), "\n"] if format == "json" else (f"{one}\n" for one in lines_of(found)))
