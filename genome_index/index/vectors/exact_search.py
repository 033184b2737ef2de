"""Exact nearest neighbours among vectors in memory, with rows that each query must not find.

FAISS searches on a GPU, if there is one; on a CPU numpy does, which is as fast there (RESULTS.md).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from genome_index.index.vectors.faiss_gpu import MOST_NEIGHBOURS, gpu

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
Neighbours = tuple[Floats, Rows]  # similarity and rows
Search = Callable[[Floats, Floats, int], Neighbours]  # queries, references, k -> neighbours

BLOCK_QUERIES = 256  # searched together on a CPU
GPU_QUERIES = 8_192  # searched together on a GPU, to which all references are sent each time
MOST_ON_GPU = MOST_NEIGHBOURS // 2  # neighbours of a query on a GPU, excluded ones among them
BLOCK_CELLS = 1 << 22  # similarities in memory at a time


def nearest(queries: Floats, references: Floats, k: int, excluded: Callable[[int], Rows]) -> Neighbours:
    """Exact nearest rows by inner product: (Q, d), (N, d) -> (Q, k) similarity and rows, nearest first.

    `excluded(i)` are the rows that query i must not find (itself, its species ...). Where fewer than k rows
    are left, the row is -1 and the similarity -inf.
    """
    k = min(k, len(references))
    similarity = np.full((len(queries), k), -np.inf, np.float32)
    rows = np.full((len(queries), k), -1, np.int64)
    step = BLOCK_QUERIES if gpu().resources is None else GPU_QUERIES
    for start in range(0, len(queries), step):
        block = slice(start, min(start + step, len(queries)))
        out = [excluded(i) for i in range(block.start, block.stop)]
        similarity[block], rows[block] = by_gpu(queries[block], references, k, out) or by_product(
            queries[block], references, k, out
        )
    rows[np.isneginf(similarity)] = -1
    return similarity, rows


def by_gpu(queries: Floats, references: Floats, k: int, out: Sequence[Rows]) -> Neighbours | None:
    """By FAISS's exact search on a GPU; None without one, or if it fails. `out` are the excluded rows."""

    def search(resources: Any) -> Neighbours:  # noqa: ANN401  # FAISS's types lack its GPU part
        untyped: Any = faiss
        knn = partial(untyped.knn_gpu, resources, metric=faiss.METRIC_INNER_PRODUCT)
        return by_search(queries, references, k, out, knn)

    return gpu().result(search) if k + max(map(len, out)) <= MOST_ON_GPU else None


def by_search(queries: Floats, references: Floats, k: int, out: Sequence[Rows], search: Search) -> Neighbours:
    """Search for as many more neighbours as may be excluded, and drop those."""
    most = min(len(references), k + max(map(len, out)))
    similarity, rows = search(queries, references, most)
    for line, line_rows, excluded in zip(similarity, rows, out, strict=True):
        line[np.isin(line_rows, excluded)] = -np.inf
    order = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(similarity, order, axis=1), np.take_along_axis(rows, order, axis=1)


def by_product(queries: Floats, references: Floats, k: int, out: Sequence[Rows]) -> Neighbours:
    """By all similarities, in which those of excluded rows are set to -inf."""
    similarity, rows = np.empty((len(queries), k), np.float32), np.empty((len(queries), k), np.int64)
    step = max(1, BLOCK_CELLS // len(references))
    for start in range(0, len(queries), step):
        distance = -queries[start : start + step] @ references.T
        for line, excluded in zip(distance, out[start : start + step], strict=True):
            line[excluded] = np.inf
        best = np.argpartition(distance, k - 1, axis=1)[:, :k]
        values = np.take_along_axis(distance, best, axis=1)
        order = np.argsort(values, axis=1, kind="stable")
        similarity[start : start + step] = -np.take_along_axis(values, order, axis=1)
        rows[start : start + step] = np.take_along_axis(best, order, axis=1)
    return similarity, rows
