"""gindex lab corpus: genomes as shards for training, split by relatives."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from gindex_cli.commands.lab.options import (
    Seed,
)
from gindex_cli.inputs import all_inputs
from gindex_cli.options import FromFile, GenomePerOption, Inputs, TaxonomyFile
from gindex_cli.progress import ProgressLine
from gindex_cli.run import tell_summary

TestShare = Annotated[
    float,
    typer.Option(
        "--test-share", metavar="SHARE", min=0, max=1, help="Share of genomes for test, whole clusters."
    ),
]
ValidationShare = Annotated[
    float,
    typer.Option(
        "--validation-share", metavar="SHARE", min=0, max=1, help="Share of genomes for validation."
    ),
]
HoldOut = Annotated[
    list[str] | None,
    typer.Option("--hold-out", metavar="NAME", help="Input (file or folder name) that is test as a whole."),
]


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
    test_share: TestShare = 0.2,
    validation_share: ValidationShare = 0.05,
    hold_out: HoldOut = None,
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
    tell_summary(summary.sentences(), summary.failures)
