"""gindex report, dereplicate: what a collection holds, what belongs together, and what looks wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from gindex_cli.output import Output, send
from gindex_cli.shared import DEFAULT_INDEX, DEFAULT_THREADS, IndexDir, ProgressLine, Threads, out, say

from genome_index.records import counted


def report(
    index: IndexDir = DEFAULT_INDEX,
    folder: Annotated[Path, typer.Option("--out", help="The folder for the report.")] = Path("gindex-report"),
    rank: Annotated[
        str, typer.Option("--rank", help="The rank or label whose names the groups are compared with.")
    ] = "species",
    ani: Annotated[
        float | None,
        typer.Option("--ani", min=80, max=100, help="Percent of identity that a group asks for."),
    ] = None,
    method: Annotated[
        str, typer.Option("--method", help="average, complete or single linkage, leiden, or hdbscan.")
    ] = "average",
    theme: Annotated[
        str, typer.Option("--theme", help="Of the pictures: light or dark; the page has both.")
    ] = "light",
    threads: Threads = DEFAULT_THREADS,
) -> None:
    """Group the genomes of an index, compare the groups with the names, and list what looks wrong."""
    from genome_index.collection.summary import Choice
    from genome_index.pipeline import report_collection

    show = ProgressLine()
    found = report_collection(index, folder, Choice(rank, ani, method), theme, threads, show)
    show.end()
    out(f"{line}\n" for line in found.summary)
    page, *others = found.paths
    say(f"wrote {page}, and {counted(len(others), 'file')} beside it: tables and figures")


def dereplicate(
    index: IndexDir = DEFAULT_INDEX,
    ani: Annotated[
        float, typer.Option("--ani", help="Percent of identity from which on one genome stands for another.")
    ] = 99.0,
    output: Output = None,
) -> None:
    """Name one representative for genomes that are alike: a table of all, with who stands for whom."""
    from genome_index.collection.dereplicate import as_tsv
    from genome_index.collection.dereplicate import dereplicate as find
    from genome_index.index.index import Index

    members = find(Index.open(index), ani)
    send(as_tsv(members), output)
    kept = sum(one.id == one.representative for one in members)
    say(f"{counted(kept, 'representative')} of {counted(len(members))} at ANI {ani:g}")
