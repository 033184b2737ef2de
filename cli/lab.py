"""gindex lab: data for models of our own, their training, and how they do in the search."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from gindex_cli.shared import (
    FAILED_INPUTS,
    FromFile,
    GenomePerOption,
    Inputs,
    Show,
    all_inputs,
    guarded,
    out,
    say,
)

app = typer.Typer(
    name="lab",
    help="Train encoders of our own, and judge them by the search.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

CorpusDir = Annotated[Path, typer.Argument(help="A corpus, made by `gindex lab corpus`.")]
Seed = Annotated[int, typer.Option("--seed", help="The same seed gives the same result.")]


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
    from genome_index.lab.corpus import build_corpus
    from genome_index.lab.split import SplitPlan

    show = Show()
    plan = SplitPlan(seed, test_share, validation_share, tuple(hold_out or ()), fellow_genera)
    given = all_inputs(inputs, from_file)
    found = build_corpus(given, folder, taxonomy, genome_per, licence, plan, progress=show.progress)
    show.end()
    for failure in found.failures:
        say(f"{failure.source}: {failure.reason}", error=True)
    for sentence in found.sentences():
        say(sentence)
    if found.failures:
        raise typer.Exit(FAILED_INPUTS)


@app.command("train")
@guarded
def train(
    corpus: CorpusDir,
    folder: Annotated[
        Path, typer.Option("--out", help="The model's folder; an unfinished run in it goes on.")
    ],
    size: Annotated[
        str, typer.Option("--size", help="The one dial: tiny, small, medium or large.")
    ] = "small",
    hidden: Annotated[
        int, typer.Option("--hidden", min=0, help="Units of the hidden layer; 0: none, a learned projection.")
    ] = 0,
    rate: Annotated[float, typer.Option("--rate", min=0, help="The highest learning rate.")] = 5e-4,
    seed: Seed = 0,
) -> None:
    """Train a k-mer profile network on pairs of fragments of the same species."""
    from genome_index.extras import need_installed

    need_installed("gindex lab train", "torch", "safetensors", extra="neural")
    from genome_index.lab.contrast import train_profile

    show = Show()
    card = train_profile(corpus, folder, size, hidden, seed, rate, show.progress)
    show.end()
    say(f"wrote {folder}: {card.schedule.steps:,} steps in {card.seconds:,.0f} s")


@app.command("judge")
@guarded
def judge(
    corpus: CorpusDir,
    models: Annotated[list[Path], typer.Option("--model", help="A trained model's folder; may be repeated.")],
    validation: Annotated[
        bool,
        typer.Option("--validation", help="Ask about the validation part, to choose by, not the test part."),
    ] = False,
    seed: Seed = 0,
) -> None:
    """Ask about genomes that no model was trained on, whole and in fragments, beside the k-mer spectrum."""
    from genome_index.encoders.profile import Profile
    from genome_index.encoders.spectrum import Spectrum
    from genome_index.lab.judge import Candidate, table
    from genome_index.lab.judge import judge as judged
    from genome_index.lab.shards import Shards
    from genome_index.lab.split import Part

    candidates = {"spectrum": Candidate(Spectrum())}
    candidates |= {path.name: Candidate(Profile.load(path), dim=0) for path in models}
    part: Part = "validation" if validation else "test"
    out([table(judged(candidates, Shards.open(corpus), part, seed=seed)), "\n"])
