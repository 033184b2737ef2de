"""Options that several commands of `gindex lab` share, and the end of a training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from gindex_cli.commands.lab.choices import (
    NetworkSize,
)
from gindex_cli.run import say

if TYPE_CHECKING:
    from genome_index.lab.training.run_card import Card

CorpusDir = Annotated[
    Path, typer.Argument(metavar="CORPUS", help="Corpus folder, made by `gindex lab corpus`.")
]
ModelDir = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the model.")]
RunDir = Annotated[
    Path,
    typer.Option("--out", metavar="DIR", help="Folder for the model; an interrupted run in it continues."),
]
Seed = Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Random seed; it decides the result.")]
Rate = Annotated[float, typer.Option("--rate", metavar="RATE", min=0, help="Highest learning rate.")]
SizeOption = Annotated[NetworkSize, typer.Option("--size", help="Size of the network and its training.")]
Steps = Annotated[
    int, typer.Option("--steps", metavar="N", min=0, help="Training steps; 0: the number that the size sets.")
]
TokenizerOption = Annotated[
    str,
    typer.Option(
        "--tokenizer",
        metavar="NAME",
        help="bases, kmers-apart:K, kmers-overlapping:K, bpe:SIZE (learned), or a saved file.",
    ),
]


PretrainingTokenizer = Annotated[
    str,
    typer.Option(
        "--tokenizer",
        metavar="NAME",
        help="bases, kmers-apart:K, kmers-overlapping:K, bpe:SIZE (learned), or a saved file; by default "
        "kmers-overlapping:6 for masked tokens, kmers-apart:6 for next ones.",
    ),
]


def report_training(folder: Path, card: Card) -> None:
    """Print the cost of a training and its scores."""
    say(f"wrote {folder}: {card.schedule.steps:,} steps in {card.seconds:,.0f} s, {card.tokens:,} tokens")
    for name, score in card.scores.items():
        say(f"{name}: {score:.4g}")
