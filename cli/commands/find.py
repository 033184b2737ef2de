"""gindex find: genomes of an index by words about them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from gindex_cli.choices import FindEngine, FindFormat
from gindex_cli.columns import Column, is_terminal, table_lines
from gindex_cli.options import DEFAULT_INDEX, IndexDir
from gindex_cli.output import Output, send
from gindex_cli.run import say

if TYPE_CHECKING:
    from genome_index.collection.text_search import TextHit
    from genome_index.index.index import Index

COLUMNS = (Column("genome"), Column("score", number=True), Column("species"), Column("text"))
NO_DESCRIPTION = (
    "no genome of the index has a description, so names and labels alone are searched; "
    "`gindex relabel descriptions.tsv` adds those of `gindex lab describe`"
)


def find(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="Words, in quotation marks.")],
    index: IndexDir = DEFAULT_INDEX,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="Maximum number of genomes.")] = 10,
    engine: Annotated[
        FindEngine,
        typer.Option("--engine", help="text: full-text search. vectors: sequences, described or not."),
    ] = FindEngine.TEXT,
    projection: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Projection of `gindex lab project`, for --engine vectors."),
    ] = None,
    text_encoder: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Text encoder's folder; by default the package installed."),
    ] = None,
    format: Annotated[FindFormat, typer.Option("--format", help="Output format.")] = FindFormat.TABLE,
    output: Output = None,
) -> None:
    """Find genomes by words about them.

    Full-text search in names, labels and descriptions. A description is the label `description`, such as
    `gindex relabel` adds from a table.
    """
    from genome_index.collection.text_search import search_text
    from genome_index.index.index import Index
    from genome_index.report.found import FORMATS
    from genome_index.taxonomy.tables import DESCRIPTION

    opened = Index.open(index)
    entries = opened.catalog.entries()
    if engine is FindEngine.VECTORS:
        hits = _by_vectors(opened, text, limit, projection, text_encoder)
    else:
        hits = search_text(entries, text, limit)
        if not any(DESCRIPTION in entry.taxon.labels for entry in entries):
            say(f"note: {NO_DESCRIPTION}")
    if not hits:
        say(f"no genome has one of these words; {len(entries):,} were searched")
    if format is FindFormat.TABLE:
        send(_table(hits, is_terminal(output)), output)
    else:
        send(FORMATS[format.value](hits), output)


def _by_vectors(
    index: Index, text: str, limit: int, projection: Path | None, text_encoder: Path | None
) -> Sequence[TextHit]:
    from genome_index.errors import UsageError, need_installed

    if projection is None:
        raise UsageError("--engine vectors needs --projection DIR, which `gindex lab project` trains")
    need_installed("gindex find --engine vectors", "torch", "transformers", extra="neural")
    from genome_index.lab.describe.vector_search import search_vectors

    return search_vectors(index, text, projection, text_encoder, limit)


def _table(hits: Sequence[TextHit], terminal: bool) -> list[str]:
    rows = [
        (hit.entry.id, f"{hit.score:.3f}", hit.entry.lineage.name("species") or "-", hit.passage)
        for hit in hits
    ]
    return [f"{line}\n" for line in table_lines(COLUMNS, rows, terminal)] if rows else []
