"""gindex sql: read-only SQL on the tables of an index."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer
from gindex_cli.choices import RowFormat
from gindex_cli.columns import Column, is_terminal, table_lines
from gindex_cli.options import DEFAULT_INDEX, IndexDir
from gindex_cli.output import Output, require_place_for_bytes, send, send_bytes

if TYPE_CHECKING:
    from genome_index.report.sql import Answer

MOST_ROWS = 50  # of a table
MOST_COUNTED = 1_000_000  # further rows that are counted
MOST_WIDE = 48  # characters of a cell of a table


def sql(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="One SELECT, in quotes.", show_default=False)],
    index: IndexDir = DEFAULT_INDEX,
    format: Annotated[RowFormat, typer.Option("--format", help="Output format.")] = RowFormat.TABLE,
    output: Output = None,
) -> None:
    """Run a read-only SQL query on the tables of an index.

    The tables are genomes, events, failures and settings.
    """
    from genome_index.index.index import Index
    from genome_index.report.sql import FORMATS, ask, parquet_of

    if format is RowFormat.PARQUET:
        require_place_for_bytes(format, output)
        send_bytes(parquet_of(Index.open(index), query), output)
        return
    answer = ask(Index.open(index), query)
    if format is RowFormat.TABLE:
        send(_table(answer, is_terminal(output)), output)
    else:
        send(FORMATS[format.value](answer), output)


def _table(answer: Answer, terminal: bool) -> Iterator[str]:
    """The first rows as a table, and the number of further ones."""
    from genome_index.report.sql import cell_of

    rows = [[_short(cell_of(value)) for value in row] for row in islice(answer.rows, MOST_ROWS)]
    columns = [Column(_short(name)) for name in answer.columns]
    for line in table_lines(columns, rows, terminal):
        yield line + "\n"
    more = sum(1 for _ in islice(answer.rows, MOST_COUNTED))
    if more:
        number = f"more than {more:,}" if more == MOST_COUNTED else f"{more:,}"
        yield f"... and {number} more rows; `--format tsv` gives them all\n"


def _short(text: str) -> str:
    """A cell that keeps the table aligned: printable, and not too wide."""
    printable = "".join(character if character.isprintable() else "?" for character in text)
    return printable if len(printable) <= MOST_WIDE else printable[: MOST_WIDE - 1] + "…"
