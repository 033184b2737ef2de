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
    list[str] | None,
    typer.Option(
        "--freeze",
        metavar="PART:STEPS",
        help="Part that does not change in the first STEPS, or in all: embeddings, encoder, decoder, "
        "cross-attention, experts, pointers, head or places; may be repeated.",
    ),
]
Unfreeze = Annotated[
    int,
    typer.Option(
        "--unfreeze-every", metavar="N", min=0,
        help="Train the top layers first, and every N steps one layer more; 0: all layers at once.",
    ),
]  # fmt: skip
Adapters = Annotated[
    int,
    typer.Option(
        "--adapters", metavar="RANK", min=0,
        help="Train low-rank adapters of self-attention, and of the rest only what DNABERT-2 lacks; 0: all.",
    ),
]  # fmt: skip
AdapterScale = Annotated[
    float, typer.Option("--adapter-scale", metavar="X", min=0, help="Factor of what adapters add.")
]


def train(
    corpus: BakedCorpus,
    model: Model,
    folder: RunDir,
    steps: Steps = 1000,
    batch: Batch = 16,
    accumulate: Accumulate = 1,
    rate: Rate = 5e-4,
    freeze: Freeze = None,
    unfreeze_every: Unfreeze = 0,
    adapters: Adapters = 0,
    adapter_scale: AdapterScale = 2.0,
    seed: Seed = 0,
) -> None:
    """Train an annotation model on the windows of a corpus.

    The folder has the model, the curve of its loss, its card and a checkpoint, from which an interrupted run
    continues. 5e-4 is a rate for models with random weights; for those of DNABERT-2 give 1e-4. Adapters are a
    part of the weights in the end.
    """
    from genome_index.errors import need_installed

    need_installed(
        "gindex lab annotate train", "torch", "safetensors", "tokenizers", "matplotlib", extra="neural"
    )
    from genome_index.lab.annotate.training.tuning import TuningPlan, tune

    plan = TuningPlan(
        steps, batch, accumulate, rate, freeze=tuple(freeze or ()), unfreeze_every=unfreeze_every,
        adapters=adapters, adapter_scale=adapter_scale, seed=seed,
    )  # fmt: skip
    with ProgressLine() as progress:
        card = tune(corpus, model, folder, plan, progress)
    say(f"{folder}: {steps:,} steps, loss {card.loss:.4f} nats a choice, {card.seconds:,.0f} s.")
