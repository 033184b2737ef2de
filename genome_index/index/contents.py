"""What an index holds, for those who judge it: one that is open, or one that is about to be committed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.index.calibration.model import Model
from genome_index.index.store.pair_table import PairTable
from genome_index.index.store.references import References
from genome_index.records import Entry
from genome_index.spec import IndexSpec
from genome_index.taxonomy.levels import UNKNOWN


@dataclass(frozen=True)
class Contents:
    """Everything is by row; while a change is made, `references` has staged bases of large genomes too."""

    spec: IndexSpec
    model: Model
    references: References
    pairs: PairTable  # ANI, aligned fraction of the lesser row, of the greater
    entries: Mapping[int, Entry]  # of the live genomes, in order

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """Rows of the live genomes: (L,)."""
        return np.flatnonzero(self.model.live)

    def codes(self, rank: str) -> npt.NDArray[np.int32]:
        """Every row's code at a rank, UNKNOWN where it has no name there: (N,)."""
        if rank not in self.model.levels:
            return np.full(len(self.model.live), UNKNOWN, np.int32)
        return self.model.levels[rank].codes
