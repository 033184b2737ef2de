"""gindex export: an index for other programs, as Newick, GraphML, or tables for Microreact and Krona."""

from __future__ import annotations

from typing import Annotated

import typer
from gindex_cli.output import Output, send
from gindex_cli.shared import DEFAULT_INDEX, IndexDir


def export(
    kind: Annotated[
        str, typer.Argument(help="newick, graphml, microreact or krona.", show_default=False, metavar="KIND")
    ],
    index: IndexDir = DEFAULT_INDEX,
    rank: Annotated[
        str | None,
        typer.Option(
            "--rank",
            help="The rank or label that colours (microreact) or names genomes (graphml), species by "
            "default; the last rank to show (krona).",
        ),
    ] = None,
    neighbours: Annotated[
        int, typer.Option("--neighbours", min=1, max=50, help="Of each genome, in graphml.")
    ] = 10,
    output: Output = None,
) -> None:
    """Write a tree (newick), the neighbour graph (graphml), or a table (microreact, krona) of the genomes."""
    from genome_index.exports import Wish
    from genome_index.exports import export as export_index
    from genome_index.index import Index

    send(export_index(Index.open(index), kind, Wish(rank, neighbours)), output)
