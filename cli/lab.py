"""gindex lab: data for models of our own, and their training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer
from gindex_cli.shared import (
    FAILED_INPUTS,
    FromFile,
    GenomePerOption,
    Inputs,
    ProgressLine,
    all_inputs,
    guarded,
    out,
    say,
)

if TYPE_CHECKING:
    from genome_index.lab.training.pretrain import Objective
    from genome_index.lab.training.runs import Card
    from genome_index.lab.training.train_contrastive import PairKind

app = typer.Typer(
    name="lab",
    help="Train encoders of our own; `gindex evaluate --fragments` judges them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

CorpusDir = Annotated[Path, typer.Argument(help="A corpus, made by `gindex lab corpus`.")]
Seed = Annotated[int, typer.Option("--seed", help="The same seed gives the same result.")]
RunDir = Annotated[Path, typer.Option("--out", help="The model's folder; an unfinished run in it goes on.")]
Rate = Annotated[float, typer.Option("--rate", min=0, help="The highest learning rate.")]
SizeDial = Annotated[str, typer.Option("--size", help="The one dial: tiny, little, small, medium or large.")]
Steps = Annotated[int, typer.Option("--steps", min=0, help="Of training; 0: what the size sets.")]
TokeniserOption = Annotated[
    str,
    typer.Option(
        "--tokeniser",
        help="bases, kmers-apart:K, kmers-overlapping:K, bpe:SIZE (learned from the corpus), or a saved one.",
    ),
]


@app.command("corpus")
@guarded
def corpus(
    inputs: Inputs = None,
    folder: Annotated[Path, typer.Option("--out", help="A new folder for the corpus.")] = Path("corpus"),
    taxonomy: Annotated[
        Path | None, typer.Option("--taxonomy", help="TSV or CSV with genome_id and ranks, as for build.")
    ] = None,
    genome_per: GenomePerOption = None,
    licence: Annotated[str, typer.Option("--licence", help="Kept with every genome.")] = "",
    seed: Seed = 0,
    test_share: Annotated[
        float, typer.Option("--test-share", min=0, max=1, help="Of the genomes, by clusters of relatives.")
    ] = 0.2,
    validation_share: Annotated[
        float, typer.Option("--validation-share", min=0, max=1, help="Of the genomes.")
    ] = 0.05,
    hold_out: Annotated[
        list[str] | None,
        typer.Option("--hold-out", help="An input, by file or folder name: it and its relatives are test."),
    ] = None,
    fellow_genera: Annotated[
        bool, typer.Option("--fellow-genera", help="What is tested has fellow genera in train.")
    ] = False,
    from_file: FromFile = None,
) -> None:
    """Turn genomes into shards for training: no near relative of a test genome is trained on."""
    from genome_index.lab.corpus.build import build_corpus
    from genome_index.lab.corpus.split import SplitPlan

    show = ProgressLine()
    plan = SplitPlan(seed, test_share, validation_share, tuple(hold_out or ()), fellow_genera)
    given = all_inputs(inputs, from_file)
    found = build_corpus(given, folder, taxonomy, genome_per, licence, plan, progress=show)
    show.end()
    for failure in found.failures:
        say(f"{failure.source}: {failure.reason}", error=True)
    for sentence in found.sentences():
        say(sentence)
    if found.failures:
        raise typer.Exit(FAILED_INPUTS)


@app.command("fit")
@guarded
def fit(
    corpus: CorpusDir,
    folder: Annotated[Path, typer.Option("--out", help="The model's folder.")],
    dim: Annotated[
        int, typer.Option("--dim", min=1, help="Of the vectors: the one dial for the size.")
    ] = 1024,
    leave_out: Annotated[
        list[str] | None,
        typer.Option("--leave-out", help="A collection, by file or folder name: nothing is learned from it."),
    ] = None,
    seed: Seed = 0,
) -> None:
    """Fit a k-mer profile encoder on a corpus in closed form: minutes, and no torch."""
    from genome_index.lab.training.fit_profile import FitPlan, fit_profile

    show = ProgressLine()
    plan = FitPlan(dim, max(2048, dim), seed=seed, leave_out=tuple(leave_out or ()))
    found = fit_profile(corpus, folder, plan, show)
    show.end()
    say(
        f"wrote {folder}: {found.dim:,} dimensions from {found.genomes:,} genomes, {found.genera:,} genera "
        f"of two species or more; {found.bytes / 1e6:,.1f} MB"
    )


@app.command("train")
@guarded
def train(
    corpus: CorpusDir,
    folder: RunDir,
    size: Annotated[
        str, typer.Option("--size", help="The one dial: tiny, small, medium or large.")
    ] = "small",
    hidden: Annotated[
        int, typer.Option("--hidden", min=0, help="Units of the hidden layer; 0: none, a learned projection.")
    ] = 0,
    rate: Rate = 5e-4,
    seed: Seed = 0,
) -> None:
    """Train a k-mer profile network on pairs, a fragment and a genome, from what `fit` finds."""
    from genome_index.errors import need_installed

    need_installed("gindex lab train", "torch", "matplotlib", extra="neural")
    from genome_index.lab.training.train_profile import train_profile

    show = ProgressLine()
    card = train_profile(corpus, folder, size, hidden, seed, rate, show)
    show.end()
    say(f"wrote {folder}: {card.schedule.steps:,} steps in {card.seconds:,.0f} s")


@app.command("pretrain")
@guarded
def pretrain(
    corpus: CorpusDir,
    folder: RunDir,
    objective: Annotated[
        str, typer.Option("--objective", help="What is learned: next (each from those before) or masked.")
    ] = "masked",
    size: SizeDial = "small",
    length: Annotated[int, typer.Option("--length", help="Of a fragment, bp; next takes any.")] = 2000,
    tokeniser: TokeniserOption = "kmers-apart:6",
    steps: Steps = 0,
    rate: Rate = 1e-3,
    features: Annotated[
        str, typer.Option("--features", help="Of its attention: squared, relu, elu+1 or favor+.")
    ] = "squared",
    seed: Seed = 0,
) -> None:
    """Pretrain a SLiM Performer on a corpus, without labels."""
    from genome_index.errors import need_installed

    need_installed("gindex lab pretrain", "torch", "matplotlib", extra="neural")
    from genome_index.lab.training.pretrain import pretrain as trained

    show = ProgressLine()
    chosen = cast("Objective", objective)  # the library refuses what is none
    card = trained(corpus, folder, chosen, size, length, tokeniser, steps, rate, seed, features, show)
    show.end()
    _tell(folder, card)


@app.command("contrast")
@guarded
def contrast(
    corpus: CorpusDir,
    folder: RunDir,
    begin: Annotated[
        Path | None,
        typer.Option("--from", help="A folder of `gindex lab pretrain` to begin with, else random weights."),
    ] = None,
    size: SizeDial = "small",
    lengths: Annotated[
        list[int], typer.Option("--length", help="Of a fragment, bp; several times for several.")
    ] = [500, 1000, 2000],  # noqa: B006  # it is only read
    tokeniser: TokeniserOption = "kmers-apart:6",
    steps: Steps = 0,
    rate: Rate = 1e-3,
    pairs: Annotated[
        str,
        typer.Option(
            "--pairs",
            help="homologous: a fragment and a window that holds its place; apart: two of one species.",
        ),
    ] = "homologous",
    seed: Seed = 0,
) -> None:
    """Train a SLiM Performer until fragments of one species are near, and those of others far."""
    from genome_index.errors import need_installed

    need_installed("gindex lab contrast", "torch", "matplotlib", extra="neural")
    from genome_index.lab.training.train_contrastive import contrast as trained

    show = ProgressLine()
    kind = cast("PairKind", pairs)  # the library refuses what is none
    card = trained(corpus, folder, size, begin, lengths, tokeniser, steps, rate, seed, kind, show)
    show.end()
    _tell(folder, card)


def _tell(folder: Path, card: Card) -> None:
    """The end of a training: what it cost, and its scores."""
    say(f"wrote {folder}: {card.schedule.steps:,} steps in {card.seconds:,.0f} s, {card.tokens:,} tokens")
    for name, score in card.scores.items():
        say(f"{name}: {score:.4g}")


@app.command("performer")
@guarded
def performer(
    folder: Annotated[Path, typer.Option("--out", help="The folder for tables and pictures.")],
    only: Annotated[
        str, typer.Option("--only", help="lengths (memory and time) or copy (the copy task), else both.")
    ] = "",
    lengths: Annotated[
        list[int] | None,
        typer.Option(
            "--length", min=1, help="Of a sequence, bp; several times for several. 1 kb to 1 Mb by default."
        ),
    ] = None,
    iterations: Annotated[
        int, typer.Option("--iterations", min=1, help="Of the copy task; 15,000 in the paper.")
    ] = 15_000,
    double: Annotated[
        bool, typer.Option("--float64", help="Copy in 64 bits, where rounding does not grow to a difference.")
    ] = False,
    theme: Annotated[str, typer.Option("--theme", help="light or dark.")] = "light",
) -> None:
    """Measure what the SLiM Performer's paper claims: memory and time against length, and the copy task."""
    from genome_index.errors import need_installed

    need_installed("gindex lab performer", "torch", extra="neural")
    need_installed("gindex lab performer", "matplotlib", extra="report")
    from genome_index.lab.performer.reproduce import reproduce

    show = ProgressLine()
    parts = reproduce(folder, only, lengths, iterations, double, theme, show)
    show.end()
    out(["\n\n".join(parts), "\n"])
