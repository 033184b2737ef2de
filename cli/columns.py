"""Tables for people: drawn by rich on a terminal, plain aligned columns elsewhere."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Literal

Row = Sequence[str]


@dataclass(frozen=True)
class Column:
    """A column's heading, and whether its cells are numbers, which stand to the right."""

    title: str
    number: bool = False


def is_terminal(output: Path | None) -> bool:
    """Whether a table goes to a terminal: standard output is one, and no file was given."""
    return output is None and sys.stdout.isatty()


def table_lines(
    columns: Sequence[Column], rows: Sequence[Row], terminal: bool = False, indent: int = 0
) -> Iterator[str]:
    """The lines of a table, headings first, without line ends."""
    for line in _drawn(columns, rows, indent) if terminal else _aligned(columns, rows):
        yield f"{'':{indent}}{line}".rstrip()


def _aligned(columns: Sequence[Column], rows: Sequence[Row]) -> Iterator[str]:
    """Columns as wide as their widest cell, two blanks between them."""
    lines = [[column.title for column in columns], *rows]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    for line in lines:
        cells = zip(line, widths, columns, strict=True)
        yield "  ".join(f"{cell:{'>' if column.number else '<'}{width}}" for cell, width, column in cells)


def _drawn(columns: Sequence[Column], rows: Sequence[Row], indent: int) -> list[str]:
    """Columns that fit the terminal: long texts are folded, numbers are not; headings are bold."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for column in columns:
        side: Literal["left", "right"] = "right" if column.number else "left"
        table.add_column(Text(column.title), justify=side, overflow="fold", no_wrap=column.number)
    for row in rows:
        table.add_row(*map(Text, row))
    width = shutil.get_terminal_size().columns - indent
    console = Console(file=StringIO(), force_terminal=True, width=width)
    with console.capture() as captured:
        console.print(table)
    return captured.get().splitlines()
