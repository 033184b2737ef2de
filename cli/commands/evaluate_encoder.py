"""gindex evaluate-encoder: how often the nearest vector alone is right, for fragments and whole genomes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from gindex_cli.choices import ScoreFormat
from gindex_cli.options import DEFAULT_INDEX, IndexDir, ModelOption
from gindex_cli.progress import ProgressLine
from gindex_cli.run import out

if TYPE_CHECKING:
    from genome_index.evaluate.retrieval_queries import RetrievalPlan


Lengths = Annotated[
    str,
    typer.Option(
        "--lengths", metavar="BP,...", help="Fragment lengths in bp, separated by commas; whole: genomes."
    ),
]
Against = Annotated[
    Path | None,
    typer.Option("--against", metavar="DIR", help="Another index of the same genomes to compare with."),
]
Only = Annotated[
    Path | None,
    typer.Option(
        "--only", metavar="FILE", help="Genomes to query: one id a line, or a table with genome_id."
    ),
]
Part = Annotated[
    str | None,
    typer.Option(
        "--part", metavar="PART", help="Part in the table of --only (a corpus's split.tsv): train, test."
    ),
]


def evaluate_encoder(
    index: IndexDir = DEFAULT_INDEX,
    lengths: Lengths = "1000,3000,whole",
    against: Against = None,
    only: Only = None,
    part: Part = None,
    each: Annotated[
        int, typer.Option("--each", metavar="N", min=1, help="Number of fragments per genome.")
    ] = 1,
    rank: Annotated[
        str | None,
        typer.Option("--rank", metavar="RANK", help="Rank or label to evaluate; all of them by default."),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", min=0, help="Random seed of the fragments.")
    ] = 0,
    model: ModelOption = "",
    format: Annotated[ScoreFormat, typer.Option("--format", help="Output format.")] = ScoreFormat.TABLE,
) -> None:
    """Query an index with fragments; the nearest vector answers.

    Neither k-mers nor ANI take part. At genus and above, the query's own species may not answer.
    """
    from genome_index.evaluate.retrieval import evaluate_retrieval
    from genome_index.evaluate.retrieval_tables import retrieval_json, retrieval_lines
    from genome_index.index.index import Index

    plan = _plan(lengths, each, only, part, rank, seed)
    with ProgressLine() as show:
        other = Index.open(against) if against is not None else None
        retrieval = evaluate_retrieval(Index.open(index, model), plan, other, show)
    if format is ScoreFormat.JSON:
        out([json.dumps(retrieval_json(retrieval), indent=1), "\n"])
    else:
        out(f"{line}\n" for line in retrieval_lines(retrieval))


def _plan(
    lengths: str, each: int, only: Path | None, part: str | None, rank: str | None, seed: int
) -> RetrievalPlan:
    from genome_index.errors import UsageError
    from genome_index.evaluate.retrieval_queries import RetrievalPlan, parse_lengths
    from genome_index.io.ids.id_list import read_ids

    if part is not None and only is None:
        raise UsageError(f"--part {part} selects from the table of --only FILE; give that too")
    ids = read_ids(only, part) if only is not None else None
    return RetrievalPlan(parse_lengths(lengths), each, ids, rank, seed)
