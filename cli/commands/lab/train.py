"""gindex lab train: a k-mer profile encoder trained on pairs."""

from __future__ import annotations

from typing import Annotated

import typer
from gindex_cli.commands.lab.choices import (
    ProfileSize,
)
from gindex_cli.commands.lab.options import (
    CorpusDir,
    Rate,
    RunDir,
    Seed,
)
from gindex_cli.progress import ProgressLine
from gindex_cli.run import say


def train(
    corpus: CorpusDir,
    folder: RunDir,
    size: Annotated[
        ProfileSize, typer.Option("--size", help="Size of the network and its training.")
    ] = ProfileSize.SMALL,
    hidden: Annotated[
        int,
        typer.Option("--hidden", metavar="N", min=0, help="Hidden units; 0: none, a learned projection."),
    ] = 0,
    rate: Rate = 5e-4,
    seed: Seed = 0,
) -> None:
    """Train a k-mer profile encoder on pairs of fragment and genome."""
    from genome_index.errors import need_installed

    need_installed("gindex lab train", "torch", "matplotlib", extra="neural")
    from genome_index.lab.training.train_profile import train_profile

    with ProgressLine() as show:
        card = train_profile(corpus, folder, size.value, hidden, seed, rate, show)
    say(f"wrote {folder}: {card.schedule.steps:,} steps in {card.seconds:,.0f} s")
