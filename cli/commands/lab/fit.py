"""gindex lab fit: a k-mer profile encoder fitted in closed form."""

from __future__ import annotations

from typing import Annotated

import typer
from gindex_cli.commands.lab.options import (
    CorpusDir,
    ModelDir,
    Seed,
)
from gindex_cli.progress import ProgressLine
from gindex_cli.run import say


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
