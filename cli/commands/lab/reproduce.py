"""gindex lab reproduce: measurements of the SLiM Performer paper."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from gindex_cli.choices import ThemeName
from gindex_cli.commands.lab.choices import (
    PaperPart,
)
from gindex_cli.options import Theme
from gindex_cli.progress import ProgressLine
from gindex_cli.run import out


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
