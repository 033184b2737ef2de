"""Threads: work divided among some of our own, and a limit for those of numerical libraries."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Answer = TypeVar("Answer")

VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS",
)  # fmt: skip


def bound_threads(most: int) -> None:
    """Limit the threads of libraries (torch, FAISS, BLAS ...) loaded from now on; a lower limit stays."""
    for name in VARIABLES:
        limit = os.environ.get(name, "")
        os.environ[name] = str(min(most, int(limit)) if limit.isdigit() else most)


def in_threads(work: Callable[[int], Answer], count: int, threads: int) -> Iterable[Answer]:
    """The results of work(0) ... work(count - 1), in order: the same for any number of threads."""
    if threads <= 1 or count <= 1:
        return map(work, range(count))
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, range(count)))
