"""Components of bounded size: pairs joined from the nearest on, as in Kruskal's algorithm."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from genome_index.io.kernels.kernel import kernel

Rows = npt.NDArray[np.int64]


def parts_of(a: Rows, b: Rows, count: int, most: int) -> Rows:
    """Sets of at most `most` members: pairs (E,), (E,), nearest first -> (N,) from 0."""
    _, parts = np.unique(_roots(a, b, count, most), return_inverse=True)
    return np.asarray(parts)


@kernel
def _roots(a: Rows, b: Rows, count: int, most: int) -> Rows:
    """The root of each set: pairs (E,), (E,) nearest first -> (N,)."""
    parent, size = np.arange(count), np.ones(count, np.int64)
    for at in range(len(a) + count):  # the pairs, and then each vector once more for its root
        left, right = (a[at], b[at]) if at < len(a) else (at - len(a), at - len(a))
        while parent[left] != left:
            parent[left] = parent[parent[left]]
            left = parent[left]
        while parent[right] != right:
            parent[right] = parent[parent[right]]
            right = parent[right]
        if at >= len(a):
            parent[at - len(a)] = left
        elif left != right and size[left] + size[right] <= most:
            parent[right] = left
            size[left] += size[right]
    return parent
