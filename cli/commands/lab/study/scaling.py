"""gindex lab study scaling: laws of a study's runs, and a forecast."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer


def scaling(
    folder: Annotated[Path, typer.Argument(metavar="OUT", help="Folder of a study's results.")],
    up_to: Annotated[
        float,
        typer.Option(
            "--up-to", metavar="OPERATIONS", help="Fit no run beyond; they stand beside their forecast."
        ),
    ] = math.inf,
) -> None:
    """Fit scaling laws to runs of several sizes and budgets.

    The plan has three sizes or more, and three budgets or more in its grid. Writes scaling.md and
    scaling.png.
    """
    from genome_index.errors import need_installed

    need_installed("gindex lab study", "torch", "transformers", "scipy", "matplotlib", extra="neural")
    from genome_index.lab.scaling.report import report_scaling

    typer.echo(report_scaling(folder, up_to))
