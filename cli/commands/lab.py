"""gindex lab: corpora for training, and the training of encoders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from gindex_cli.choices import ThemeName
from gindex_cli.group import Command, Group
from gindex_cli.inputs import all_inputs
from gindex_cli.lab_choices import (
    AttentionFeatures,
    FragmentPairs,
    NetworkSize,
    PaperPart,
    PretrainingObjective,
    ProfileSize,
)
from gindex_cli.options import FromFile, GenomePerOption, Inputs, TaxonomyFile, Theme
from gindex_cli.progress import ProgressLine
from gindex_cli.run import FAILED_INPUTS, guarded, out, say

if TYPE_CHECKING:
    from genome_index.lab.training.runs import Card

app = typer.Typer(
    name="lab",
    cls=Group,
    help="Build corpora and train encoders.",
    epilog="`gindex evaluate-encoder` evaluates an encoder that was trained here.",
    rich_markup_mode=None,
)

CorpusDir = Annotated[
    Path, typer.Argument(metavar="CORPUS", help="Corpus folder, made by `gindex lab corpus`.")
]
ModelDir = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the model.")]
RunDir = Annotated[
    Path,
    typer.Option("--out", metavar="DIR", help="Folder for the model; an interrupted run in it continues."),
]
Seed = Annotated[int, typer.Option("--seed", metavar="N", help="Random seed; it decides the result.")]
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


@app.command("corpus", cls=Command)
@guarded
def corpus(
    inputs: Inputs = None,
    folder: Annotated[Path, typer.Option("--out", metavar="DIR", help="New folder for the corpus.")] = Path(
        "corpus"
    ),
    taxonomy: TaxonomyFile = None,
    genome_per: GenomePerOption = None,
    licence: Annotated[
        str, typer.Option("--licence", metavar="TEXT", help="Licence, stored with each genome.")
    ] = "",
    seed: Seed = 0,
    test_share: Annotated[
        float,
        typer.Option(
            "--test-share", metavar="SHARE", min=0, max=1, help="Share of genomes for test, whole clusters."
        ),
    ] = 0.2,
    validation_share: Annotated[
        float,
        typer.Option(
            "--validation-share", metavar="SHARE", min=0, max=1, help="Share of genomes for validation."
        ),
    ] = 0.05,
    hold_out: Annotated[
        list[str] | None,
        typer.Option(
            "--hold-out", metavar="NAME", help="Input (file or folder name) that is test as a whole."
        ),
    ] = None,
    shared_genera: Annotated[
        bool,
        typer.Option("--shared-genera", help="Test only genera that have another species in train."),
    ] = False,
    from_file: FromFile = None,
) -> None:
    """Split genomes into train, validation and test, by relatives.

    No genome of the training part is a near relative of one in another part.
    """
    from genome_index.lab.corpus.build import build_corpus
    from genome_index.lab.corpus.split import SplitPlan

    plan = SplitPlan(seed, test_share, validation_share, tuple(hold_out or ()), shared_genera)
    given = all_inputs(inputs, from_file)
    with ProgressLine() as show:
        summary = build_corpus(given, folder, taxonomy, genome_per, licence, plan, progress=show)
    for failure in summary.failures:
        say(f"{failure.source}: {failure.reason}", error=True)
    for sentence in summary.sentences():
        say(sentence)
    if summary.failures:
        raise typer.Exit(FAILED_INPUTS)


@app.command("fit", cls=Command)
@guarded
def fit(
    corpus: CorpusDir,
    folder: ModelDir,
    dim: Annotated[int, typer.Option("--dim", metavar="N", min=1, help="Dimensions of the vectors.")] = 1024,
    leave_out: Annotated[
        list[str] | None,
        typer.Option(
            "--leave-out", metavar="NAME", help="Collection (file or folder name) to learn nothing from."
        ),
    ] = None,
    seed: Seed = 0,
) -> None:
    """Fit a k-mer profile encoder in closed form; needs no torch."""
    from genome_index.lab.training.fit_profile import FitPlan, fit_profile

    plan = FitPlan(dim, max(2048, dim), seed=seed, leave_out=tuple(leave_out or ()))
    with ProgressLine() as show:
        fitted = fit_profile(corpus, folder, plan, show)
    say(
        f"wrote {folder}: {fitted.dim:,} dimensions from {fitted.genomes:,} genomes, {fitted.genera:,} "
        f"genera of two species or more; {fitted.bytes / 1e6:,.1f} MB"
    )


@app.command("train", cls=Command)
@guarded
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


@app.command("pretrain", cls=Command)
@guarded
def pretrain(
    corpus: CorpusDir,
    folder: RunDir,
    objective: Annotated[
        PretrainingObjective,
        typer.Option("--objective", help="Predict each token from those before it, or masked tokens."),
    ] = PretrainingObjective.MASKED,
    size: SizeOption = NetworkSize.SMALL,
    length: Annotated[int, typer.Option("--length", metavar="BP", help="Fragment length in bp.")] = 2000,
    tokenizer: TokenizerOption = "kmers-apart:6",
    steps: Steps = 0,
    rate: Rate = 1e-3,
    features: Annotated[
        AttentionFeatures, typer.Option("--features", help="Feature map of linear attention.")
    ] = AttentionFeatures.SQUARED,
    seed: Seed = 0,
) -> None:
    """Pretrain a SLiM Performer on a corpus, without labels."""
    from genome_index.errors import need_installed

    need_installed("gindex lab pretrain", "torch", "matplotlib", extra="neural")
    from genome_index.lab.training.pretrain import pretrain as pretrain_network

    with ProgressLine() as show:
        card = pretrain_network(
            corpus, folder, objective.value, size.value, length, tokenizer, steps, rate, seed,
            features.value, show,
        )  # fmt: skip
    _report(folder, card)


@app.command("contrast", cls=Command)
@guarded
def contrast(
    corpus: CorpusDir,
    folder: RunDir,
    start: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="DIR", help="Model of `gindex lab pretrain` to start from; else random weights."
        ),
    ] = None,
    size: SizeOption = NetworkSize.SMALL,
    lengths: Annotated[
        list[int], typer.Option("--length", metavar="BP", help="Fragment length in bp; may be repeated.")
    ] = [500, 1000, 2000],  # noqa: B006  # it is only read
    tokenizer: TokenizerOption = "kmers-apart:6",
    steps: Steps = 0,
    rate: Rate = 1e-3,
    pairs: Annotated[
        FragmentPairs,
        typer.Option("--pairs", help="Fragment and its locus in a relative, or two loci of a species."),
    ] = FragmentPairs.HOMOLOGOUS,
    seed: Seed = 0,
) -> None:
    """Train a SLiM Performer on pairs of fragments of one species."""
    from genome_index.errors import need_installed

    need_installed("gindex lab contrast", "torch", "matplotlib", extra="neural")
    from genome_index.lab.training.train_contrastive import contrast as contrast_network

    with ProgressLine() as show:
        card = contrast_network(
            corpus, folder, size.value, start, lengths, tokenizer, steps, rate, seed, pairs.value, show
        )
    _report(folder, card)


def _report(folder: Path, card: Card) -> None:
    """The cost of a training and its scores."""
    say(f"wrote {folder}: {card.schedule.steps:,} steps in {card.seconds:,.0f} s, {card.tokens:,} tokens")
    for name, score in card.scores.items():
        say(f"{name}: {score:.4g}")


@app.command("reproduce", cls=Command)
@guarded
def reproduce(
    folder: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for tables and figures.")],
    only: Annotated[
        PaperPart | None,
        typer.Option("--only", help="Memory and time over lengths, or the copy task; both by default."),
    ] = None,
    lengths: Annotated[
        list[int] | None,
        typer.Option(
            "--length", metavar="BP", min=1, help="Sequence length in bp; may be repeated. 1 kb to 1 Mb."
        ),
    ] = None,
    iterations: Annotated[
        int,
        typer.Option("--iterations", metavar="N", min=1, help="Iterations of the copy task, as the paper's."),
    ] = 15_000,
    double: Annotated[
        bool, typer.Option("--float64", help="Train the copy task in 64 bits: no rounding differences.")
    ] = False,
    theme: Theme = ThemeName.LIGHT,
) -> None:
    """Measure memory, time and copy task of the SLiM Performer paper."""
    from genome_index.errors import need_installed

    need_installed("gindex lab reproduce", "torch", extra="neural")
    need_installed("gindex lab reproduce", "matplotlib", extra="report")
    from genome_index.lab.performer.reproduce import reproduce as reproduce_paper

    with ProgressLine() as show:
        tables = reproduce_paper(
            folder, only.value if only else "", lengths, iterations, double, theme.value, show
        )
    out(["\n\n".join(tables), "\n"])
