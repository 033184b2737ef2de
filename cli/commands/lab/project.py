"""gindex lab project: a projection by which text finds genomes and genomes find text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from gindex_cli.commands.lab.options import ModelDir, Seed
from gindex_cli.progress import ProgressLine


def project(
    pairs: Annotated[
        Path, typer.Argument(metavar="PAIRS", help="Folder of pairs, made by `gindex lab describe`.")
    ],
    folder: ModelDir = Path("projection"),
    text_encoder: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Text encoder's folder; by default the package installed."),
    ] = None,
    steps: Annotated[int, typer.Option(metavar="N", min=1, help="Training steps.")] = 2_000,
    seed: Seed = 0,
) -> None:
    """Train a projection by which text finds genomes.

    Two linear maps over a frozen text encoder and the k-mer profile, by InfoNCE. Its card has the recall on
    held-out pairs beside full-text search.
    """
    from genome_index.errors import need_installed

    need_installed("gindex lab project", "torch", "transformers", extra="neural")
    from genome_index.lab.describe.project import train_on_pairs
    from genome_index.lab.describe.train_projection import ProjectionTraining

    with ProgressLine() as show:
        card = train_on_pairs(pairs, folder, text_encoder, ProjectionTraining(steps=steps, seed=seed), show)
    typer.echo(card)
