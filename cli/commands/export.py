"""gindex export: files of an index for other programs: Newick, GraphML, Microreact, Krona and iTOL."""

from __future__ import annotations

from typing import Annotated

import typer
from gindex_cli.choices import ExportKind
from gindex_cli.options import DEFAULT_INDEX, IndexDir
from gindex_cli.output import Output, send


def export(
    kind: Annotated[
        ExportKind, typer.Argument(metavar="KIND", help="Kind of file to write.", show_default=False)
    ],
    index: IndexDir = DEFAULT_INDEX,
    rank: Annotated[
        str | None,
        typer.Option(
            "--rank",
            metavar="RANK",
            help="Rank or label for colours (microreact, itol) or names (graphml, itol-labels), by default "
            "species; last rank to show (krona).",
        ),
    ] = None,
    neighbours: Annotated[
        int, typer.Option("--neighbours", metavar="N", min=1, max=50, help="Neighbours per genome (graphml).")
    ] = 10,
    output: Output = None,
) -> None:
    """Export a tree, a graph, annotations or counts.

    newick is a tree; itol, itol-labels and microreact annotate it; graphml is the graph of nearest genomes;
    krona counts the genomes of each taxon.
    """
    from genome_index.index.index import Index
    from genome_index.report.export import ExportOptions
    from genome_index.report.export import export as export_index

    send(export_index(Index.open(index), kind.value, ExportOptions(rank, neighbours)), output)
