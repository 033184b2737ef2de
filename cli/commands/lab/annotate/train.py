"""gindex lab annotate train: tuning of an annotation model on a baked corpus."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from gindex_cli.commands.lab.annotate.options import BakedCorpus
from gindex_cli.commands.lab.options import Rate, RunDir, Seed
from gindex_cli.progress import ProgressLine
from gindex_cli.run import say

Model = Annotated[
    Path, typer.Option("--model", metavar="DIR", help="Model to begin with, of `gindex lab annotate init`.")
]
Steps = Annotated[int, typer.Option("--steps", metavar="N", min=1, help="Training steps.")]
Batch = Annotated[int, typer.Option("--batch", metavar="N", min=1, help="Windows in memory at once.")]
Accumulate = Annotated[int, typer.Option("--accumulate", metavar="N", min=1, help="Batches in a step.")]
Freeze = Annotated[
    int,
    typer.Option(
        "--freeze-encoder", metavar="N", min=0, help="First steps in which the encoder does not change."
    ),
]


def train(
    corpus: BakedCorpus,
    model: Model,
    folder: RunDir,
    steps: Steps = 1000,
    batch: Batch = 16,
    accumulate: Accumulate = 1,
    rate: Rate = 2e-3,
    freeze_encoder: Freeze = 0,
    seed: Seed = 0,
) -> None:
    """Train an annotation model on the windows of a corpus.

    The folder has the model, the curve of its loss, its card and a checkpoint, from which an interrupted run
    continues. 2e-3 is a rate for models with random weights; for those of DNABERT-2 give 1e-4.
    """
    from genome_index.errors import need_installed

    need_installed(
        "gindex lab annotate train", "torch", "safetensors", "tokenizers", "matplotlib", extra="neural"
    )
    from genome_index.lab.annotate.training.tuning import TuningPlan, tune

    plan = TuningPlan(steps, batch, accumulate, rate, freeze_encoder=freeze_encoder, seed=seed)
    with ProgressLine() as progress:
        card = tune(corpus, model, folder, plan, progress)
    say(f"{folder}: {steps:,} steps, loss {card.loss:.4f} nats a choice, {card.seconds:,.0f} s.")
