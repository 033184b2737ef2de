"""Exports of an index for other programs, and the table of their names.

Removed genomes are not exported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from genome_index.errors import UsageError
from genome_index.index.index import Index
from genome_index.records import Entry
from genome_index.report.export.graphml import graphml
from genome_index.report.export.itol import labels, strip
from genome_index.report.export.krona import krona
from genome_index.report.export.microreact import microreact
from genome_index.report.export.names import ExportOptions as ExportOptions
from genome_index.report.export.newick import tree
from genome_index.taxonomy.levels import labels_of, ranks_of

EXPORTS: Mapping[str, Callable[[Index, Sequence[Entry], ExportOptions], Iterator[str]]] = {
    "newick": tree,
    "graphml": graphml,
    "microreact": microreact,
    "krona": krona,
    "itol": strip,
    "itol-labels": labels,
}


def export(index: Index, kind: str, options: ExportOptions | None = None) -> Iterator[str]:
    """The index in a format of another program, as pieces of text.

    Raises
    ------
    UsageError
        No such kind, no such rank or label here, or a package of the extra `report` is missing.
    """
    if kind not in EXPORTS:
        raise UsageError(f"no export is called {kind!r}; choose one of: {', '.join(EXPORTS)}")
    entries, options = index.catalog.entries(), options or ExportOptions()
    if options.rank is not None:
        _require_rank(kind, options.rank, entries)
    return EXPORTS[kind](index, entries, options)


def _require_rank(kind: str, rank: str, entries: Sequence[Entry]) -> None:
    if kind == "newick":
        raise UsageError("--rank: a Newick tree has genomes only; leave it out")
    known = [*ranks_of(entries), *(() if kind == "krona" else labels_of(entries))]
    if rank not in known:
        raise UsageError(f"--rank {rank}: no genome has one; choose one of: {', '.join(known) or 'none'}")
