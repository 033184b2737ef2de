"""A table of values for pairs of references, so that no pair is compared twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Number = TypeVar("Number", bound=np.integer)


def keys_of(rows_a: Rows, rows_b: Rows) -> Rows:
    """The key of a pair in either order: lesser row * 2 ** 32 + greater row."""
    return (np.minimum(rows_a, rows_b) << 32) | np.maximum(rows_a, rows_b)


def rows_of(keys: Rows) -> tuple[Rows, Rows]:
    """Keys -> lesser rows, greater rows."""
    return keys >> 32, keys & 0xFFFFFFFF


def positions(rows: Rows, size: int) -> Rows:
    """Row -> its position among `rows`, -1 for any other, row -1 included: (R,) -> (size + 1,)."""
    places = np.full(size + 1, -1, np.int64)
    places[rows] = np.arange(len(rows))
    return places


def in_sorted(numbers: npt.NDArray[Number], table: npt.NDArray[Number]) -> npt.NDArray[np.bool_]:
    """Which numbers are in a sorted table: (...), (N,) -> (...)."""
    if not len(table):
        return np.zeros(numbers.shape, bool)
    at = np.minimum(np.searchsorted(table, numbers), len(table) - 1)
    return np.asarray(table[at] == numbers)


@dataclass
class PairTable:
    """Values of pairs: sorted keys, each with a row of `width` values; pairs can be added."""

    width: int
    keys: Rows = field(default_factory=lambda: np.empty(0, np.int64))
    values: Floats = field(default_factory=lambda: np.empty((0, 0), np.float32))

    def __post_init__(self) -> None:
        self.values = self.values.reshape(-1, self.width)

    def missing(self, keys: Rows) -> Rows:
        """The pairs that are not in the table, each once, sorted."""
        pairs = np.unique(keys)
        return pairs[~in_sorted(pairs, self.keys)]

    def add(self, keys: Rows, values: Floats) -> None:
        """Add pairs that are not in the table yet."""
        order = np.argsort(keys)
        at = np.searchsorted(self.keys, keys[order])
        self.keys = np.insert(self.keys, at, keys[order])
        rows = np.asarray(values, np.float32).reshape(-1, self.width)[order]
        self.values = np.insert(self.values, at, rows, axis=0)

    def get(self, keys: Rows) -> Floats:
        """Values of pairs: (...,) -> (..., width), NaN where a pair is not in the table."""
        values = np.full((*keys.shape, self.width), np.nan, np.float32)
        known = in_sorted(keys, self.keys)
        values[known] = self.values[np.searchsorted(self.keys, keys[known])]
        return values

    def among(self, rows: npt.NDArray[np.bool_]) -> PairTable:
        """The pairs of two rows that are both flagged: (N,) flags."""
        a, b = rows_of(self.keys)
        both = rows[a] & rows[b]
        return PairTable(self.width, self.keys[both], self.values[both])

    def renumbered(self, places: Rows) -> PairTable:
        """The table after rows have moved: row i is now `places[i]`, or gone where that is -1.

        Rows must keep their order, because values may differ for the lesser and the greater row of a pair.
        """
        a, b = (places[rows] for rows in rows_of(self.keys))
        left = (a >= 0) & (b >= 0)
        moved = PairTable(self.width)
        moved.add(keys_of(a[left], b[left]), self.values[left])
        return moved
