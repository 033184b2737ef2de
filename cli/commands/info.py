"""gindex info: settings, size and history of an index."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from gindex_cli.options import DEFAULT_INDEX, IndexDir
from gindex_cli.run import out


def info(
    index: IndexDir = DEFAULT_INDEX,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    failures: Annotated[
        bool, typer.Option("--failures", help="List the inputs that gave no genome, with the reason.")
    ] = False,
) -> None:
    """Show settings, size and history of an index."""
    from genome_index.index.index import Index
    from genome_index.index.info import describe, lines_of
    from genome_index.io import tsv

    opened = Index.open(index)
    if failures:
        out(tsv.rows(opened.catalog.failures()))
        return
    description = describe(opened)
    lines = [json.dumps(description, indent=1)] if as_json else lines_of(description)
    out(f"{line}\n" for line in lines)
