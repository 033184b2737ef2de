"""The content of an index as one value: of an open snapshot, or of one that is about to be committed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.index.calibration.model import Model
from genome_index.index.store.kmer_index import KmerIndex
from genome_index.index.store.pair_table import PairTable
from genome_index.index.store.references import References
from genome_index.records import Entry
from genome_index.spec import IndexSpec
from genome_index.taxonomy.levels import UNKNOWN


@dataclass(frozen=True)
class Contents:
    """All by row; during a change, `references` also has the staged bases of large genomes."""

    spec: IndexSpec
    model: Model
    references: References
    pairs: PairTable  # ANI, aligned fractions of the lesser and of the greater row
    entries: Mapping[int, Entry]  # of the live genomes, by ascending row
    kmers: KmerIndex  # may have rows that are not live

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """Rows of the live genomes: (L,)."""
        return np.flatnonzero(self.model.live)

    def codes(self, rank: str) -> npt.NDArray[np.int32]:
        """The code of every row's name at a rank, UNKNOWN without one: (N,)."""
        if rank not in self.model.levels:
            return np.full(len(self.model.live), UNKNOWN, np.int32)
        return self.model.levels[rank].codes
