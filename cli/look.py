"""gindex info, list, check: what an index is and holds."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from gindex_cli.output import Output, require_place_for_bytes, send, send_bytes
from gindex_cli.shared import DEFAULT_INDEX, IndexDir, out, require_format, say

from genome_index.records import counted


def info(
    index: IndexDir = DEFAULT_INDEX,
    as_json: Annotated[bool, typer.Option("--json", help="For a program.")] = False,
    failures: Annotated[
        bool, typer.Option("--failures", help="List the inputs that gave no genome, and why.")
    ] = False,
) -> None:
    """Say what an index is: settings, size, history."""
    from genome_index.index.index import Index
    from genome_index.index.info import describe, lines_of

    opened = Index.open(index)
    if failures:
        out("\t".join(row) + "\n" for row in opened.catalog.failures())
        return
    found = describe(opened)
    out([json.dumps(found, indent=1), "\n"] if as_json else (f"{line}\n" for line in lines_of(found)))


def list_genomes(
    index: IndexDir = DEFAULT_INDEX,
    format: Annotated[str, typer.Option("--format", help="tsv, json, jsonl or parquet.")] = "tsv",
    output: Output = None,
) -> None:
    """List the genomes, one column a rank or label."""
    from genome_index.index.index import Index
    from genome_index.index.info import listing
    from genome_index.report.sql import FORMATS, ask, listing_query, parquet_of

    require_format(format, (*FORMATS, "parquet"))
    if format == "parquet":
        require_place_for_bytes(format, output)
    opened = Index.open(index)
    if format == "tsv":
        send(listing(opened), output)
    elif format == "parquet":
        send_bytes(parquet_of(opened, listing_query(opened)), output)
    else:
        send(FORMATS[format](ask(opened, listing_query(opened))), output)


def check(index: IndexDir = DEFAULT_INDEX) -> None:
    """Verify every file against its checksum, and say what is due. Exits with 2 if something is damaged."""
    from genome_index.index.index import Index

    opened = Index.open(index)
    damaged, due = opened.damage(), opened.due()
    for line in damaged:
        say(line, error=True)
    for line in due:
        say(line)
    if damaged:
        say("Go back with `gindex undo`, or build the index again.", error=True)
        raise typer.Exit(2)
    say(f"{index}: {counted(opened.snapshot.genomes)}, every file matches its checksum")
