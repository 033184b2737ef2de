"""Pairs of references that have been compared once, so that no pair is compared twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Answer = TypeVar("Answer")
Number = TypeVar("Number", bound=np.integer)


def keys_of(rows_a: Rows, rows_b: Rows) -> Rows:
    """One number a pair, whichever way round: lesser row * 2 ** 32 + greater row."""
    return (np.minimum(rows_a, rows_b) << 32) | np.maximum(rows_a, rows_b)


def rows_of(keys: Rows) -> tuple[Rows, Rows]:
    """Keys -> lesser rows, greater rows."""
    return keys >> 32, keys & 0xFFFFFFFF


def positions(rows: Rows, size: int) -> Rows:
    """Row -> its position among `rows`, -1 for any other, row -1 included: (R,) -> (size + 1,)."""
    found = np.full(size + 1, -1, np.int64)
    found[rows] = np.arange(len(rows))
    return found


def held(asked: npt.NDArray[Number], kept: npt.NDArray[Number]) -> npt.NDArray[np.bool_]:
    """Which of the asked numbers are among those kept, which are sorted: (...), (N,) -> (...)."""
    if not len(kept):
        return np.zeros(asked.shape, bool)
    at = np.minimum(np.searchsorted(kept, asked), len(kept) - 1)
    return np.asarray(kept[at] == asked)


@dataclass
class PairTable:
    """A growing table of numbers a pair: keys sorted, one row of `width` values each."""

    width: int
    keys: Rows = field(default_factory=lambda: np.empty(0, np.int64))
    values: Floats = field(default_factory=lambda: np.empty((0, 0), np.float32))

    def __post_init__(self) -> None:
        self.values = self.values.reshape(-1, self.width)

    def missing(self, keys: Rows) -> Rows:
        """Which of these pairs are not in the table, each once, sorted."""
        asked = np.unique(keys)
        return asked[~self._holds(asked)]

    def add(self, keys: Rows, values: Floats) -> None:
        """Add pairs that are not in the table yet."""
        order = np.argsort(keys)
        at = np.searchsorted(self.keys, keys[order])
        self.keys = np.insert(self.keys, at, keys[order])
        rows = np.asarray(values, np.float32).reshape(-1, self.width)[order]
        self.values = np.insert(self.values, at, rows, axis=0)

    def get(self, keys: Rows) -> Floats:
        """Values of pairs: (...,) -> (..., width), NaN where a pair is not in the table."""
        found = np.full((*keys.shape, self.width), np.nan, np.float32)
        held = self._holds(keys)
        found[held] = self.values[np.searchsorted(self.keys, keys[held])]
        return found

    def among(self, rows: npt.NDArray[np.bool_]) -> PairTable:
        """The pairs whose two rows are both kept: (N,) flags."""
        a, b = rows_of(self.keys)
        kept = rows[a] & rows[b]
        return PairTable(self.width, self.keys[kept], self.values[kept])

    def _holds(self, keys: Rows) -> npt.NDArray[np.bool_]:
        return held(keys, self.keys)


def in_threads(work: Callable[[int], Answer], count: int, threads: int) -> Iterable[Answer]:
    """work(0) ... work(count - 1) on some threads, answers in order: the same for any number of threads."""
    if threads <= 1 or count <= 1:
        return map(work, range(count))
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, range(count)))
