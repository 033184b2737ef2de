"""gindex lab pretrain: a SLiM Performer trained without labels."""

from __future__ import annotations

from typing import Annotated

import typer
from gindex_cli.commands.lab.choices import (
    AttentionFeatures,
    NetworkSize,
    PretrainingObjective,
)
from gindex_cli.commands.lab.options import (
    CorpusDir,
    PretrainingTokenizer,
    Rate,
    RunDir,
    Seed,
    SizeOption,
    Steps,
    report_training,
)
from gindex_cli.progress import ProgressLine


def pretrain(
    corpus: CorpusDir,
    folder: RunDir,
    objective: Annotated[
        PretrainingObjective,
        typer.Option("--objective", help="Predict each token from those before it, or masked tokens."),
    ] = PretrainingObjective.MASKED,
    size: SizeOption = NetworkSize.SMALL,
    length: Annotated[int, typer.Option("--length", metavar="BP", help="Fragment length in bp.")] = 2000,
    tokenizer: PretrainingTokenizer = "",
    steps: Steps = 0,
    rate: Rate = 1e-3,
    features: Annotated[
        AttentionFeatures, typer.Option("--features", help="Feature map of linear attention.")
    ] = AttentionFeatures.SQUARED,
    fragments: Annotated[
        int,
        typer.Option(
            "--fragments", metavar="N", min=0, help="Fragments in a step; 0: the number that the size sets."
        ),
    ] = 0,
    seed: Seed = 0,
) -> None:
    """Pretrain a SLiM Performer on a corpus, without labels."""
    from genome_index.errors import need_installed

    need_installed("gindex lab pretrain", "torch", "matplotlib", extra="neural")
    from genome_index.lab.training.pretrain import pretrain as pretrain_network

    with ProgressLine() as show:
        card = pretrain_network(
            corpus, folder, objective.value, size.value, length, tokenizer, steps, rate, seed,
            features.value, fragments, show,
        )  # fmt: skip
    report_training(folder, card)
