"""Newick: the tree of the genomes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from genome_index.collection.trees import Heights, Merges, tree_of
from genome_index.errors import need_installed
from genome_index.index.index import Index
from genome_index.index.neighbours import nearest
from genome_index.records import Entry
from genome_index.report.export.names import ExportOptions, ids_of


def tree(index: Index, entries: Sequence[Entry], options: ExportOptions) -> Iterator[str]:
    """A tree of the genomes by average linkage, branch lengths in cosine distance (1 - similarity)."""
    need_installed("newick", "scipy", extra="report")
    rows = np.array([entry.row for entry in entries])
    near, score = nearest(index, rows)
    return newick(tree_of(index.model.vectors.rows()[rows], near, score), ids_of(entries))


def newick(merges: Merges, names: Sequence[str]) -> Iterator[str]:
    """Merges (N - 1, 4) and N names -> one Newick tree, in pieces.

    The height of a node is half its distance, so that the path between two leaves is as long as the distance
    at which they were joined. Merges at equal distances make one node.
    """
    leaves = len(names)
    heights = np.concatenate([np.zeros(leaves), merges[:, 2] / 2])
    todo: list[str | tuple[int, str]] = [";\n", (leaves + len(merges) - 1, "")]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            yield item
            continue
        node, length = item
        if node < leaves:
            yield quoted(names[node]) + length
            continue
        todo.append(")" + length)
        for number, child in enumerate(_children(merges, heights, node)):
            todo += [","] if number else []
            todo.append((child, f":{heights[node] - heights[child]:.9f}"))
        yield "("


def _children(merges: Merges, heights: Heights, node: int) -> list[int]:
    """The children of a node: clusters below its height, and leaves."""
    leaves = len(merges) + 1
    children: list[int] = []
    todo = [node]
    while todo:
        for child in merges[todo.pop() - leaves, :2].astype(np.int64).tolist():
            level = child >= leaves and heights[child] == heights[node]
            (todo if level else children).append(child)
    return children


def quoted(name: str) -> str:
    """A name in Newick; names with underscores are quoted, because bare underscores mean blanks.

    Rules: https://phylipweb.github.io/phylip/newicktree.html and Olsen 1990.

    >>> quoted("NC.1"), quoted("Hyla's_1")
    ('NC.1', "'Hyla''s_1'")
    """
    bare = name.isascii() and name.replace(".", "").replace("-", "").isalnum()
    return name if bare else "'" + name.replace("'", "''") + "'"
