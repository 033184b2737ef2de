"""gindex lab data redundancy: how much of a corpus is the same again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from gindex_cli.commands.lab.options import CorpusDir, Seed
from gindex_cli.progress import ProgressLine


def redundancy(
    corpus: CorpusDir,
    folder: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the report.")] = Path(
        "redundancy"
    ),
    encoder: Annotated[
        str,
        typer.Option("--encoder", metavar="NAME", help="Encoder of semantic duplicates, name or folder."),
    ] = "spectrum",
    seed: Seed = 0,
) -> None:
    """Report how much of a corpus is the same again.

    Clusters, semantic duplicates, diversity, growth of k-mers, compression and leakage between parts. Writes
    redundancy.md and growth.png.
    """
    from genome_index.errors import need_installed

    need_installed("gindex lab data", "matplotlib", extra="neural")
    from genome_index.lab.redundancy.report import report_redundancy

    with ProgressLine() as show:
        text = report_redundancy(corpus, folder, seed, encoder, show)
    typer.echo(text)
