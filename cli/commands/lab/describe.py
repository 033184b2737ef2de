"""gindex lab describe: pairs of sequence and text from GenBank records."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from gindex_cli.commands.lab.corpus import TestShare, ValidationShare
from gindex_cli.commands.lab.options import Seed
from gindex_cli.inputs import all_inputs
from gindex_cli.options import FromFile
from gindex_cli.progress import ProgressLine
from gindex_cli.run import tell_summary


def describe(
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="INPUT",
            help="GenBank or EMBL files, also compressed, folders of them, or - for standard input.",
            show_default=False,
        ),
    ] = None,
    folder: Annotated[Path, typer.Option("--out", metavar="DIR", help="New folder for the pairs.")] = Path(
        "pairs"
    ),
    abstracts: Annotated[
        list[Path] | None,
        typer.Option("--abstracts", metavar="FILE", help="Papers from PubMed, as MEDLINE text or XML."),
    ] = None,
    licence: Annotated[
        str,
        typer.Option(
            "--licence", metavar="TEXT", help="Licence of the records; by default that of their database."
        ),
    ] = "",
    seed: Seed = 0,
    test_share: TestShare = 0.2,
    validation_share: ValidationShare = 0.05,
    from_file: FromFile = None,
) -> None:
    """Pair sequences with text, from GenBank records.

    Writes Parquet files by part, a data card (README.md), the fate of each record (records.tsv), and
    descriptions.tsv, which `gindex relabel` adds to an index.
    """
    from genome_index.lab.corpus.split import SplitPlan
    from genome_index.lab.describe.abstracts import read_abstracts
    from genome_index.lab.describe.build import build_pairs

    papers = {key: paper for path in abstracts or () for key, paper in read_abstracts(path).items()}
    plan, given = SplitPlan(seed, test_share, validation_share), all_inputs(files, from_file)
    with ProgressLine() as show:
        summary = build_pairs(given, folder, papers, licence, plan, show)
    tell_summary(summary.sentences(), summary.failures)
