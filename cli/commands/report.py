"""gindex report: clusters of a collection, conflicts with its names, and suspect genomes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from gindex_cli.choices import ClusterMethod, ThemeName
from gindex_cli.options import DEFAULT_INDEX, DEFAULT_THREADS, IndexDir, Theme, Threads
from gindex_cli.progress import ProgressLine
from gindex_cli.run import out, say

from genome_index.records import counted


def report(
    index: IndexDir = DEFAULT_INDEX,
    folder: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the report.")] = Path(
        "gindex-report"
    ),
    rank: Annotated[
        str, typer.Option("--rank", metavar="RANK", help="Rank or label to compare the clusters with.")
    ] = "species",
    ani: Annotated[
        float | None,
        typer.Option(
            "--ani",
            metavar="PERCENT",
            min=80,
            max=100,
            help="ANI threshold of a cluster in percent; by default that of the rank.",
        ),
    ] = None,
    method: Annotated[
        ClusterMethod,
        typer.Option("--method", help="Clustering: a linkage (average, complete, single) or another method."),
    ] = ClusterMethod.AVERAGE,
    theme: Theme = ThemeName.LIGHT,
    threads: Threads = DEFAULT_THREADS,
) -> None:
    """Report clusters, naming conflicts and suspect genomes."""
    from genome_index.collection.summary import Choice
    from genome_index.pipeline import report_collection

    with ProgressLine() as show:
        reported = report_collection(
            index, folder, Choice(rank, ani, method.value), theme.value, threads, show
        )  # fmt: skip
    out(f"{line}\n" for line in reported.summary)
    page, *others = reported.paths
    say(f"wrote {page}, and {counted(len(others), 'file')} beside it: tables and figures")
