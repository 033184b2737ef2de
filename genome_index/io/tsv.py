r"""TSV: one rule for every table that gindex writes.

A row is one line, and its cells stand between tabs: a blank replaces each tab, line end or other control
character in a cell. A cell that begins with a quotation mark is quoted as RFC 4180 has it; otherwise csv,
pandas, R and spreadsheets would read over the next tabs. A missing value is an empty cell.

>>> row(["DEMO_0001", None, 2.5, "hot\tspring\r\n", True])
'DEMO_0001\t\t2.5\thot spring  \ttrue\n'
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator

# Tabs, line ends and other controls; Unicode's line and paragraph separators; what XML 1.0 has no place for.
UNREADABLE = (*range(32), *range(127, 160), 0x2028, 0x2029, *range(0xD800, 0xE000), 0xFFFE, 0xFFFF)
_BLANKS = dict.fromkeys(UNREADABLE, " ")


def one_line(text: str) -> str:
    r"""The text with a blank for each character that would break a line, a cell or an XML file.

    >>> one_line("Hyla\tarborea\n")
    'Hyla arborea '
    """
    return text.translate(_BLANKS)


def cell(value: object) -> str:
    """One cell: empty for None, NaN and infinity; JSON for booleans, lists and mappings; else `str`."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, bool | list | tuple | dict):
        value = json.dumps(value, ensure_ascii=False)
    text = one_line(str(value))
    return '"' + text.replace('"', '""') + '"' if text.startswith('"') else text


def row(values: Iterable[object]) -> str:
    """One row with its line end."""
    return "\t".join(map(cell, values)) + "\n"


def rows(table: Iterable[Iterable[object]]) -> Iterator[str]:
    """The rows of a table, the header first if there is one."""
    return map(row, table)


def unquoted_row(values: Iterable[str]) -> str:
    """One row for programs that take a quotation mark for a part of the name (iTOL, Krona)."""
    return "\t".join(map(one_line, values)) + "\n"


def cells_of(line: str) -> list[str]:
    r'''The cells of a row; the inverse of `row` as far as no character was replaced.

    >>> cells_of('a\t\t"""b"" c"\n')
    ['a', '', '"b" c']
    '''
    return [_unquoted(text) for text in line.rstrip("\r\n").split("\t")]


def _unquoted(text: str) -> str:
    quoted = len(text) > 1 and text.startswith('"') and text.endswith('"')
    return text[1:-1].replace('""', '"') if quoted else text
