"""gindex lab annotate evaluate: an annotation model on a part of a baked corpus."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from gindex_cli.choices import ScoreFormat
from gindex_cli.columns import Column, Row, is_terminal, table_lines
from gindex_cli.commands.lab.annotate.options import BakedCorpus
from gindex_cli.progress import ProgressLine
from gindex_cli.run import out, say

ModelDir = Annotated[Path, typer.Argument(metavar="MODEL", help="Folder of an annotation model.")]
PartOption = Annotated[
    str, typer.Option("--part", metavar="PART", help="Part of the corpus: train, validation or test.")
]
Format = Annotated[ScoreFormat, typer.Option("--format", help="Output format.")]

Windows = Annotated[
    list[int] | None,
    typer.Option(
        "--window",
        metavar="BP",
        min=1,
        help="Read windows of this length too, half of it apart; may be repeated.",
    ),
]
OneStrand = Annotated[
    bool, typer.Option("--one-strand", help="Read the forward strand of windows alone, in half the time.")
]
Pyrodigal = Annotated[
    str,
    typer.Option(
        "--pyrodigal",
        metavar="PYTHON",
        envvar="GINDEX_PYRODIGAL",
        help="Interpreter that has pyrodigal, which is then a baseline; it runs in a process of its own.",
    ),
]
Code = Annotated[
    int,
    typer.Option(
        "--code", metavar="N", min=1, max=25, help="Genetic code of the baselines, by its number at NCBI."
    ),
]


def evaluate(
    model: ModelDir,
    corpus: BakedCorpus,
    part: PartOption = "test",
    window: Windows = None,
    one_strand: OneStrand = False,
    pyrodigal: Pyrodigal = "",
    code: Code = 11,
    format: Format = ScoreFormat.TABLE,
) -> None:
    """Annotate the contigs of a corpus and compare with their annotation.

    A feature is right if type, strand and all borders are. The longest open reading frames are a baseline.
    """
    from genome_index.errors import UsageError, need_installed

    need_installed("gindex lab annotate evaluate", "torch", "safetensors", "tokenizers", extra="neural")
    from genome_index.lab.annotate.evaluation import evaluate as evaluation
    from genome_index.lab.annotate.evaluation import tables
    from genome_index.lab.annotate.prediction.annotate import open_annotator
    from genome_index.lab.annotate.silver.labels import Finder
    from genome_index.lab.corpus.split import PARTS

    chosen = next((own for own in PARTS if own == part), None)
    if chosen is None:
        raise UsageError(f"--part {part}: choose {', '.join(PARTS)}")
    finder = Finder(pyrodigal, code=code, option="--pyrodigal", meta_option="") if pyrodigal else None
    plan = evaluation.EvaluationPlan(chosen, tuple(window or ()), code, finder, not one_strand)
    with ProgressLine() as progress:
        result = evaluation.evaluate(open_annotator(model), corpus, plan, progress)
    if format == ScoreFormat.JSON:
        out([json.dumps(tables.as_json(result), indent=2) + "\n"])
        return
    out(_table(tables.HEADINGS, tables.rows(result), words=2))
    if window:
        out(["\n", *_table(tables.OF_WINDOWS, tables.window_rows(result))])
    if loads := list(tables.expert_rows(result)):
        out(["\n", *_table(tables.OF_EXPERTS, loads, words=1)])
    for sentence in tables.sentences(result):
        say(sentence)


def _table(headings: Sequence[str], rows: Iterable[Row], words: int = 0) -> list[str]:
    """The lines of a table whose first columns are words, and the others numbers."""
    columns = [Column(heading, number=at >= words) for at, heading in enumerate(headings)]
    return [f"{line}\n" for line in table_lines(columns, list(rows), is_terminal(None))]
