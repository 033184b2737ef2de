"""Names as other programs can read them: no character of theirs ends a line or a cell, or breaks XML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from genome_index.records import Entry
from genome_index.report.sql import distinct_names

NEIGHBOURS = 10  # nearest references of each genome that are drawn; the index keeps 50


@dataclass(frozen=True)
class ExportOptions:
    rank: str | None = None  # or a label: what colours, names and groups; of krona, the last rank shown
    neighbours: int = NEIGHBOURS  # of graphml, for each genome


# Tabs, line ends and other controls; Unicode's line and paragraph separators; what XML 1.0 has no place for.
UNREADABLE = [*range(32), *range(127, 160), 0x2028, 0x2029, *range(0xD800, 0xE000), 0xFFFE, 0xFFFF]
_BLANKED = dict.fromkeys(UNREADABLE, " ")


def plain(text: str) -> str:
    r"""A text with a blank for each character that would break a line, a cell or an XML file.

    >>> plain("Hyla\tarborea\n")
    'Hyla arborea '
    """
    return text.translate(_BLANKED)


def line(cells: Sequence[str]) -> str:
    """A line of cells between tabs."""
    return "\t".join(plain(cell) for cell in cells) + "\n"


def ids_of(entries: Sequence[Entry]) -> list[str]:
    """Each genome's id as every export writes it, so that tables match trees: plain, and each once."""
    return list(distinct_names([plain(entry.id) for entry in entries]))
