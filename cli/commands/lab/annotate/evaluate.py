"""gindex lab annotate evaluate: an annotation model on a part of a baked corpus."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from gindex_cli.choices import ScoreFormat
from gindex_cli.columns import Column, is_terminal, table_lines
from gindex_cli.commands.lab.annotate.options import BakedCorpus
from gindex_cli.progress import ProgressLine
from gindex_cli.run import out, say

ModelDir = Annotated[Path, typer.Argument(metavar="MODEL", help="Folder of an annotation model.")]
PartOption = Annotated[
    str, typer.Option("--part", metavar="PART", help="Part of the corpus: train, validation or test.")
]
Format = Annotated[ScoreFormat, typer.Option("--format", help="Output format.")]


def evaluate(
    model: ModelDir, corpus: BakedCorpus, part: PartOption = "test", format: Format = ScoreFormat.TABLE
) -> None:
    """Annotate the contigs of a corpus and compare with their annotation.

    A feature is right if type, strand and all borders are. The longest open reading frames are a baseline.
    """
    from genome_index.errors import UsageError, need_installed

    need_installed("gindex lab annotate evaluate", "torch", "safetensors", "tokenizers", extra="neural")
    from genome_index.lab.annotate.evaluation import evaluate as evaluation
    from genome_index.lab.annotate.evaluation import tables
    from genome_index.lab.annotate.prediction.annotate import open_annotator
    from genome_index.lab.corpus.split import PARTS

    chosen = next((own for own in PARTS if own == part), None)
    if chosen is None:
        raise UsageError(f"--part {part}: choose {', '.join(PARTS)}")
    with ProgressLine() as progress:
        result = evaluation.evaluate(open_annotator(model), corpus, chosen, progress)
    if format == ScoreFormat.JSON:
        out([json.dumps(tables.as_json(result), indent=2) + "\n"])
        return
    columns = [Column(heading, number=at > 1) for at, heading in enumerate(tables.HEADINGS)]
    out(f"{line}\n" for line in table_lines(columns, list(tables.rows(result)), is_terminal(None)))
    say(f"{result.base_pairs:,} bp of {result.contigs:,} contigs, {result.kb_per_second:,.1f} kb/s")
