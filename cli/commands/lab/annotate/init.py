"""gindex lab annotate init: a new annotation model, of a DNABERT-2 or with random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from gindex_cli.commands.lab.annotate.choices import AnnotationSize, CoordinateForm, ExpertsIn
from gindex_cli.commands.lab.options import Seed
from gindex_cli.run import say

OutDir = Annotated[Path, typer.Option("--out", metavar="DIR", help="New folder for the model.")]
Source = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="DNABERT2",
        help="Folder of a DNABERT-2, or its name on the hub. tiny and small take its tokenizer alone; "
        "without it they read triplets of bases.",
    ),
]
Size = Annotated[
    AnnotationSize, typer.Option("--size", help="full: DNABERT-2's shape and weights; others: random.")
]
Experts = Annotated[
    int, typer.Option("--experts", metavar="N", min=0, help="Experts of a layer; 0: none, all parts dense.")
]
TopK = Annotated[int, typer.Option("--top-k", metavar="K", min=1, help="Experts that a token is sent to.")]
MoeEvery = Annotated[
    int, typer.Option("--moe-every", metavar="N", min=1, help="Every Nth layer has experts; 1: all layers.")
]
Side = Annotated[ExpertsIn, typer.Option("--experts-in", help="Part whose layers have experts.")]
DecoderLayers = Annotated[
    int,
    typer.Option("--decoder-layers", metavar="N", min=0, help="Decoder layers; 0: as the size has."),
]
TieWeights = Annotated[
    bool, typer.Option("--tie-weights/--no-tie-weights", help="Head and embeddings are one matrix, or two.")
]
Coordinates = Annotated[
    CoordinateForm,
    typer.Option("--coordinates", help="Coordinates as positions of the source, or as numbers."),
]
CodonPhase = Annotated[
    bool,
    typer.Option("--codon-phase/--no-codon-phase", help="Tell the encoder each token's first base modulo 3."),
]
ContextOption = Annotated[
    int,
    typer.Option(
        "--context",
        metavar="BP",
        min=0,
        max=200,
        help="Tell the encoder this many bases on both sides of each token's begin; 0: none.",
    ),
]
Lists = Annotated[
    list[Path] | None,
    typer.Option("--tokens", metavar="FILE", help="List of more tokens, one a line; may be repeated."),
]
Noise = Annotated[
    float,
    typer.Option(
        "--noise",
        metavar="SHARE",
        min=0,
        help="Noise added to the copies of experts, as a share of each weight's standard deviation.",
    ),
]
ZeroCross = Annotated[
    bool,
    typer.Option("--zero-cross", help="Cross-attention adds 0 at first: the decoder is DNABERT-2's copy."),
]


def init(
    folder: OutDir,
    source: Source = None,
    size: Size = AnnotationSize.FULL,
    experts: Experts = 8,
    top_k: TopK = 2,
    moe_every: MoeEvery = 2,
    experts_in: Side = ExpertsIn.BOTH,
    decoder_layers: DecoderLayers = 0,
    tie_weights: TieWeights = True,
    coordinates: Coordinates = CoordinateForm.POINTERS,
    codon_phase: CodonPhase = True,
    context: ContextOption = 24,
    tokens: Lists = None,
    noise: Noise = 0.0,
    zero_cross: ZeroCross = False,
    seed: Seed = 0,
) -> None:
    """Make an annotation model, and say its size before.

    Encoder, self-attention of the decoder, norms and experts are copies of DNABERT-2's; cross-attention and
    routers are new; the head is the embeddings. The new model computes what DNABERT-2 does.
    """
    from genome_index.errors import need_installed

    need_installed("gindex lab annotate init", "torch", "safetensors", "tokenizers", extra="neural")
    from genome_index.lab.annotate.model.initialise import Choices, check_new, make_model, plan_model
    from genome_index.lab.annotate.model.upcycle import StartPlan

    check_new(folder)
    choices = Choices(
        size.value, experts, top_k, moe_every, experts_in.value, decoder_layers, tie_weights,
        coordinates.value, codon_phase, context, tokens or (),
    )  # fmt: skip
    plan = plan_model(source, choices)
    say(f"making {plan.sentence()}")
    make_model(plan, StartPlan(seed, noise, zero_cross), folder)
    say(f"wrote {folder}")
