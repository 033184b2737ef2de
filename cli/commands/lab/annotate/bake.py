"""gindex lab annotate bake: sequences and their annotation as windows for training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from gindex_cli.commands.lab.corpus import TestShare, ValidationShare
from gindex_cli.commands.lab.options import Seed
from gindex_cli.options import GenomePerOption
from gindex_cli.progress import ProgressLine
from gindex_cli.run import FAILED_INPUTS, say

if TYPE_CHECKING:
    from genome_index.lab.annotate.corpus.bake import BakeSummary

SHOWN = 20  # complaints on the terminal; all of them are in the corpus

Fasta = Annotated[
    str, typer.Argument(metavar="FASTA", help="Sequences: a file that gindex reads, or a folder of them.")
]
Annotations = Annotated[
    list[str],
    typer.Argument(metavar="GFF", help="Annotation: GFF3, GTF, GenBank or EMBL, plain or compressed."),
]
Window = Annotated[int, typer.Option("--window", metavar="BP", min=1, help="Length of a window.")]
Stride = Annotated[
    int, typer.Option("--stride", metavar="BP", min=1, help="From one window's start to the next one's.")
]
Flank = Annotated[
    int, typer.Option("--flank", metavar="BP", min=0, help="Context on both sides, read but not annotated.")
]
Tokens = Annotated[
    Path | None,
    typer.Option(
        "--extract-tokens", metavar="FILE", help="Add the names that a tokenizer must have to this list."
    ),
]
MaxLines = Annotated[
    int, typer.Option("--max-lines", metavar="N", min=1, help="Leave out windows with more lines.")
]


def bake(
    fasta: Fasta,
    annotations: Annotations,
    folder: Annotated[Path, typer.Option("--out", metavar="DIR", help="New folder for the corpus.")],
    window: Window = 1_000,
    stride: Stride = 500,
    flank: Flank = 50,
    forward_only: Annotated[
        bool, typer.Option("--forward-only", help="Leave out the reverse complement of each window.")
    ] = False,
    extract_tokens: Tokens = None,
    max_lines: MaxLines = 1_000,
    genome_per: GenomePerOption = None,
    seed: Seed = 0,
    test_share: TestShare = 0.2,
    validation_share: ValidationShare = 0.05,
) -> None:
    """Cut sequences into windows and write the annotation of each as text.

    Windows are split into train, validation and test by relatives: no genome of one part is near to one of
    another. Lines that cannot be used are named by file and line.
    """
    from genome_index.lab.annotate.corpus.bake import BakePlan
    from genome_index.lab.annotate.corpus.bake import bake as bake_corpus
    from genome_index.lab.annotate.corpus.windows import WindowPlan
    from genome_index.lab.corpus.split import SplitPlan

    windows = WindowPlan(window, stride, flank, both_strands=not forward_only)
    split = SplitPlan(seed, test_share, validation_share)
    plan = BakePlan(windows, split, max_lines, per=genome_per.value if genome_per else None)
    with ProgressLine() as show:
        summary = bake_corpus([fasta], annotations, folder, plan, extract_tokens, show)
    _report(summary)
    if summary.failures:
        raise typer.Exit(FAILED_INPUTS)


def _report(summary: BakeSummary) -> None:
    for complaint in summary.complaints[:SHOWN]:
        say(str(complaint))
    if len(summary.complaints) > SHOWN:
        say(f"... and {len(summary.complaints) - SHOWN:,} more")
    for failure in summary.failures:
        say(f"{failure.source}: {failure.reason}", error=True)
    for sentence in summary.sentences():
        say(sentence)
