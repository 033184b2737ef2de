"""Exact neighbours among vectors in memory, where each query has rows of its own that do not count.

On a GPU, where there is one, FAISS finds them; on a CPU numpy does, which is as fast there (RESULTS.md).
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
Found = tuple[Floats, Rows]
Search = Callable[[Floats, Floats, int], Found]  # queries, references, how many -> similarity, rows

BLOCK_QUERIES = 256  # that go together ...
GPU_QUERIES = 8_192  # ... or to a GPU, to which all references are sent each time
MOST_WANTED = MOST_NEIGHBOURS // 2  # neighbours that a GPU is asked for, barred ones among them
BLOCK_CELLS = 1 << 22  # similarities that numpy holds at a time, so that memory does not grow with both sides


def nearest(queries: Floats, references: Floats, k: int, barred: Callable[[int], Rows]) -> Found:
    """Exact nearest rows by inner product: (Q, d), (N, d) -> (Q, k) similarity and rows, nearest first.

    `barred(i)` are the rows query i must not see (itself, its species ...). Row -1, similarity -inf, where
    fewer than k are left.
    """
    k = min(k, len(references))
    similarity = np.full((len(queries), k), -np.inf, np.float32)
    rows = np.full((len(queries), k), -1, np.int64)
    step = BLOCK_QUERIES if gpu().resources is None else GPU_QUERIES
    for start in range(0, len(queries), step):
        block = slice(start, min(start + step, len(queries)))
        out = [barred(i) for i in range(block.start, block.stop)]
        found = by_gpu(queries[block], references, k, out) or by_product(queries[block], references, k, out)
        similarity[block], rows[block] = found
    rows[np.isneginf(similarity)] = -1
    return similarity, rows


def by_gpu(queries: Floats, references: Floats, k: int, out: Sequence[Rows]) -> Found | None:
    """By FAISS's exact search on a GPU; None where it cannot."""

    def search(resources: Any) -> Found:  # noqa: ANN401  # its types know nothing of GPUs
        kinds: Any = faiss
        knn = partial(kinds.knn_gpu, resources, metric=faiss.METRIC_INNER_PRODUCT)
        return by_search(queries, references, k, out, knn)

    return gpu().found(search) if k + max(map(len, out)) <= MOST_WANTED else None


def by_search(queries: Floats, references: Floats, k: int, out: Sequence[Rows], search: Search) -> Found:
    """Search for as many more as may be barred, and leave those out."""
    wanted = min(len(references), k + max(map(len, out)))
    similarity, rows = search(queries, references, wanted)
    for line, found, hidden in zip(similarity, rows, out, strict=True):
        line[np.isin(found, hidden)] = -np.inf
    order = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(similarity, order, axis=1), np.take_along_axis(rows, order, axis=1)


def by_product(queries: Floats, references: Floats, k: int, out: Sequence[Rows]) -> Found:
    """All similarities, those of barred rows blotted out."""
    similarity, rows = np.empty((len(queries), k), np.float32), np.empty((len(queries), k), np.int64)
    step = max(1, BLOCK_CELLS // len(references))
    for start in range(0, len(queries), step):
        distance = -queries[start : start + step] @ references.T
        for line, hidden in zip(distance, out[start : start + step], strict=True):
            line[hidden] = np.inf
        best = np.argpartition(distance, k - 1, axis=1)[:, :k]
        values = np.take_along_axis(distance, best, axis=1)
        order = np.argsort(values, axis=1, kind="stable")
        similarity[start : start + step] = -np.take_along_axis(values, order, axis=1)
        rows[start : start + step] = np.take_along_axis(best, order, axis=1)
    return similarity, rows
