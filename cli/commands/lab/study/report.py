"""gindex lab study report: the tables and curves of a study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    folder: Annotated[Path, typer.Argument(metavar="OUT", help="Folder of a study's results.")],
) -> None:
    """Write report.md and curves.png of a study, and print the report."""
    from genome_index.errors import need_installed

    need_installed("gindex lab study", "torch", "transformers", "scipy", "matplotlib", extra="neural")
    from genome_index.lab.study.report import write_report

    typer.echo(write_report(folder))
