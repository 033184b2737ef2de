"""Names for other programs: ids without characters that break a line, a cell or XML, and the options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from genome_index.io.tsv import one_line
from genome_index.records import Entry
from genome_index.report.sql import distinct_names

NEIGHBOURS = 10  # nearest references of each genome; the index stores 50


@dataclass(frozen=True)
class ExportOptions:
    """Options of the exports; each export uses some of them."""

    rank: str | None = None  # or a label: source of names and colours; of krona, the last rank shown
    neighbours: int = NEIGHBOURS  # of each genome, for graphml


def ids_of(entries: Sequence[Entry]) -> list[str]:
    """The id of each genome as all exports write it, so that tables match trees: on one line, and unique."""
    return list(distinct_names([one_line(entry.id) for entry in entries]))
