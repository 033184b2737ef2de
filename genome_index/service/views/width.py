"""How far apart the members of a species are, by the pairs of genomes that an index has compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.index.store.catalog import Entry
from genome_index.index.store.pair_table import PairTable, rows_of
from genome_index.taxonomy.levels import UNKNOWN

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Width:
    """How far apart the members of a species are, as far as they were compared."""

    pairs: int  # of members that were compared
    below_range: int  # of them without an ANI: skani has none far below 80 %
    ani: float | None  # percent, the lowest that was measured; None where none was
    between: tuple[str, ...]  # ids of the two that have it


class Widths:
    """The width of each of S species: (N,) species by row, UNKNOWN for none."""

    def __init__(self, entries: Mapping[int, Entry], pairs: PairTable, codes: Rows, species: int) -> None:
        a, b = rows_of(pairs.keys)
        inside = (codes[a] == codes[b]) & (codes[a] != UNKNOWN)
        own, ani = codes[a[inside]], pairs.values[inside, 0]
        self._entries, self._a, self._b, self._ani = entries, a[inside], b[inside], ani
        self._pairs = np.bincount(own, minlength=species)
        self._below = np.bincount(own[np.isnan(ani)], minlength=species)
        self._lowest = np.full(species, UNKNOWN, np.int64)  # position of the widest pair
        order = np.argsort(-ani, kind="stable")[: np.count_nonzero(~np.isnan(ani))]  # NaN comes last
        self._lowest[own[order]] = order  # the last written is the lowest

    def of(self, species: int) -> Width:
        pairs, below, at = (int(one[species]) for one in (self._pairs, self._below, self._lowest))
        if at == UNKNOWN:
            return Width(pairs, below, None, ())
        between = tuple(self._entries[int(one[at])].id for one in (self._a, self._b))
        return Width(pairs, below, round(float(self._ani[at]), 2), between)
