"""Threads and processes: work divided among some of our own, and limits for those of libraries."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import parent_process
from multiprocessing.connection import wait
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


def end_with_parent() -> None:
    """End this process as soon as its parent has ended, in whatever way; it has a thread that waits."""
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
