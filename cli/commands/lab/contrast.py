"""gindex lab contrast: a SLiM Performer trained on pairs of fragments."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from gindex_cli.commands.lab.choices import (
    FragmentPairs,
    NetworkSize,
)
from gindex_cli.commands.lab.options import (
    CorpusDir,
    Rate,
    RunDir,
    Seed,
    SizeOption,
    Steps,
    TokenizerOption,
    report_training,
)
from gindex_cli.progress import ProgressLine


def contrast(
    corpus: CorpusDir,
    folder: RunDir,
    start: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="DIR", help="Model of `gindex lab pretrain` to start from; else random weights."
        ),
    ] = None,
    size: SizeOption = NetworkSize.LITTLE,
    lengths: Annotated[
        list[int], typer.Option("--length", metavar="BP", help="Fragment length in bp; may be repeated.")
    ] = [500, 1000],  # noqa: B006  # it is only read
    tokenizer: TokenizerOption = "kmers-overlapping:6",
    steps: Steps = 0,
    rate: Rate = 1e-2,
    pairs: Annotated[
        FragmentPairs,
        typer.Option("--pairs", help="Fragment and its locus in a relative, or two loci of a species."),
    ] = FragmentPairs.HOMOLOGOUS,
    seed: Seed = 0,
) -> None:
    """Train a SLiM Performer on pairs of fragments of one species.

    The defaults are those of the run that learned most. K-mers side by side (kmers-apart) learned nothing:
    the same place read in another frame shares no token.
    """
    from genome_index.errors import need_installed

    need_installed("gindex lab contrast", "torch", "matplotlib", extra="neural")
    from genome_index.lab.training.train_contrastive import contrast as contrast_network

    with ProgressLine() as show:
        card = contrast_network(
            corpus, folder, size.value, start, lengths, tokenizer, steps, rate, seed, pairs.value, show
        )
    report_training(folder, card)
