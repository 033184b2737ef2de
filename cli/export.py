"""gindex export: an index for other programs: Newick, GraphML, Microreact, Krona and iTOL."""

from __future__ import annotations

from typing import Annotated

import typer
from gindex_cli.output import Output, send
from gindex_cli.shared import DEFAULT_INDEX, IndexDir


def export(
    kind: Annotated[
        str,
        typer.Argument(
            help="newick, graphml, microreact, krona, itol or itol-labels.",
            show_default=False,
            metavar="KIND",
        ),
    ],
    index: IndexDir = DEFAULT_INDEX,
    rank: Annotated[
        str | None,
        typer.Option(
            "--rank",
            help="The rank or label that colours (microreact, itol) or names genomes (graphml, itol-labels), "
            "species by default; the last rank to show (krona).",
        ),
    ] = None,
    neighbours: Annotated[
        int, typer.Option("--neighbours", min=1, max=50, help="Of each genome, in graphml.")
    ] = 10,
    output: Output = None,
) -> None:
    """Write a tree (newick), what goes on it (microreact, itol), a graph (graphml) or counts (krona)."""
    from genome_index.index.index import Index
    from genome_index.report.export import ExportOptions
    from genome_index.report.export import export as export_index

    send(export_index(Index.open(index), kind, ExportOptions(rank, neighbours)), output)
