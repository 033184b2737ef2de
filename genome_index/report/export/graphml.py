"""GraphML: the neighbour graph for Cytoscape, Gephi and networkx."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from genome_index.errors import need_installed
from genome_index.index.index import Index
from genome_index.index.neighbours import nearest
from genome_index.index.store.pair_table import keys_of
from genome_index.io.tsv import one_line
from genome_index.records import Entry
from genome_index.report.export.names import ExportOptions, ids_of
from genome_index.taxonomy.levels import name_of


def graphml(index: Index, entries: Sequence[Entry], options: ExportOptions) -> Iterator[str]:
    """The neighbour graph: genomes with name, length and molecule; pairs with score, and measured ANI."""
    need_installed("graphml", "networkx", extra="report")
    import networkx

    rank = options.rank or "species"
    graph, ids = networkx.Graph(), ids_of(entries)
    for own_id, entry in zip(ids, entries, strict=True):
        name = name_of(entry, rank)
        known = {} if name is None else {one_line(rank): one_line(name)}
        graph.add_nodes_from([(own_id, known | {"length_bp": entry.length_bp, "molecule": entry.molecule})])
    for a, b, numbers in _edges(index, entries, options.neighbours):
        graph.add_edge(ids[a], ids[b], **numbers)
    return (line + "\n" for line in networkx.generate_graphml(graph))


def _edges(index: Index, entries: Sequence[Entry], most: int) -> Iterator[tuple[int, int, dict[str, float]]]:
    """Each pair once, lesser position first, with its numbers; ANI and AF in percent, AF of either genome."""
    rows = np.array([entry.row for entry in entries])
    near, score = nearest(index, rows)
    order = np.argsort(near < 0, axis=1, kind="stable")[:, :most]  # removed neighbours last
    near, score = np.take_along_axis(near, order, axis=1), np.take_along_axis(score, order, axis=1)
    a, b = np.repeat(np.arange(len(rows)), near.shape[1]), near.ravel()
    known = b >= 0
    pairs, first = np.unique(keys_of(a[known], b[known]), return_index=True)
    a, b = pairs >> 32, pairs & 0xFFFFFFFF
    measured = index.pairs().get(keys_of(rows[a], rows[b]))
    for i, j, value, evidence in zip(a, b, score.ravel()[known][first], measured, strict=True):
        numbers = zip(("score", "ani", "af_source", "af_target"), (value, *evidence), strict=True)
        yield int(i), int(j), {name: round(float(one), 4) for name, one in numbers if np.isfinite(one)}
