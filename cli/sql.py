"""gindex sql: questions in SQL about an index's genomes; it reads, and can do nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer
from gindex_cli.output import Output, require_place_for_bytes, send, send_bytes
from gindex_cli.shared import DEFAULT_INDEX, IndexDir, require_format

if TYPE_CHECKING:
    from genome_index.report.sql import Answer

MOST_ROWS = 50  # of a table
MOST_COUNTED = 1_000_000  # rows that are counted beyond those
MOST_WIDE = 48  # characters of a cell of a table


def sql(
    query: Annotated[str, typer.Argument(help="One SELECT, in quotes.", show_default=False)],
    index: IndexDir = DEFAULT_INDEX,
    format: Annotated[str, typer.Option("--format", help="table, tsv, json, jsonl or parquet.")] = "table",
    output: Output = None,
) -> None:
    """Ask the tables genomes, events, failures and settings of an index in SQL; nothing can be changed."""
    from genome_index.index.index import Index
    from genome_index.report.sql import FORMATS, ask, parquet_of

    require_format(format, ("table", *FORMATS, "parquet"))
    if format == "parquet":
        require_place_for_bytes(format, output)
        send_bytes(parquet_of(Index.open(index), query), output)
        return
    answer = ask(Index.open(index), query)
    send(_table(answer) if format == "table" else FORMATS[format](answer), output)


def _table(answer: Answer) -> Iterator[str]:
    """The first rows with their columns in line, and how many more there are."""
    from genome_index.report.sql import cell_of

    shown = [[_short(cell_of(value)) for value in row] for row in islice(answer.rows, MOST_ROWS)]
    lines = [[_short(name) for name in answer.columns], *shown]
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True))
        yield "  ".join(cells).rstrip() + "\n"
    more = sum(1 for _ in islice(answer.rows, MOST_COUNTED))
    if more:
        number = f"more than {more:,}" if more == MOST_COUNTED else f"{more:,}"
        yield f"... and {number} more rows; `--format tsv` gives them all\n"


def _short(text: str) -> str:
    """A cell that keeps the table in shape: printable, and not too wide."""
    printable = "".join(letter if letter.isprintable() else "?" for letter in text)
    return printable if len(printable) <= MOST_WIDE else printable[: MOST_WIDE - 1] + "…"
