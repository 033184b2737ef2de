"""Krona: counts of genomes by lineage, as text for ktImportText."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from genome_index.index.index import Index
from genome_index.io.tsv import unquoted_row
from genome_index.records import RANKS, Entry
from genome_index.report.export.names import ExportOptions
from genome_index.taxonomy.levels import name_of


def krona(index: Index, entries: Sequence[Entry], options: ExportOptions) -> Iterator[str]:
    """One row for each lineage: its count, then its names from the broadest rank; most genomes first."""
    ranks = RANKS[: RANKS.index(options.rank) + 1] if options.rank else RANKS
    lineages = Counter(tuple(name for rank in ranks if (name := name_of(entry, rank))) for entry in entries)
    for names, count in sorted(lineages.items(), key=lambda item: (-item[1], item[0])):
        yield unquoted_row([str(count), *names])
