"""Names as other programs can read them: no character of theirs ends a line or a cell, or breaks XML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from genome_index.io.tsv import one_line
from genome_index.records import Entry
from genome_index.report.sql import distinct_names

NEIGHBOURS = 10  # nearest references of each genome that are drawn; the index keeps 50


@dataclass(frozen=True)
class ExportOptions:
    rank: str | None = None  # or a label: what colours, names and groups; of krona, the last rank shown
    neighbours: int = NEIGHBOURS  # of graphml, for each genome


def ids_of(entries: Sequence[Entry]) -> list[str]:
    """Each genome's id as every export writes it, so that tables match trees: on one line, and each once."""
    return list(distinct_names([one_line(entry.id) for entry in entries]))
