"""gindex list: the genomes of an index as a table."""

from __future__ import annotations

from typing import Annotated

import typer
from gindex_cli.choices import ListFormat
from gindex_cli.options import DEFAULT_INDEX, IndexDir
from gindex_cli.output import Output, require_place_for_bytes, send, send_bytes


def list_genomes(
    index: IndexDir = DEFAULT_INDEX,
    format: Annotated[ListFormat, typer.Option("--format", help="Output format.")] = ListFormat.TSV,
    output: Output = None,
) -> None:
    """List the genomes of an index with their ranks and labels."""
    from genome_index.index.index import Index
    from genome_index.index.info import listing
    from genome_index.report.sql import FORMATS, ask, listing_query, parquet_of

    if format is ListFormat.PARQUET:
        require_place_for_bytes(format, output)
    opened = Index.open(index)
    if format is ListFormat.TSV:
        send(listing(opened), output)
    elif format is ListFormat.PARQUET:
        send_bytes(parquet_of(opened, listing_query(opened)), output)
    else:
        send(FORMATS[format.value](ask(opened, listing_query(opened))), output)
