"""The Encoder protocol: what turns genomes into numbers, and what it may assume."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from genome_index.progress import Progress, quiet
from genome_index.records import Genome

Rows = Sequence[npt.NDArray[Any]] | npt.NDArray[Any]


class Encoder(Protocol):
    """Genomes -> what is kept of them -> features.

    `encode` gets genomes of any size and must not let strand, contig order, case or N change a feature. What
    it returns for each, one row or a table of them, is kept in the index as it is, so that an index can be
    fitted again without the genomes. `features` turns that into what is projected and compared by cosine.
    """

    name: str
    parallel: bool  # encode may run in several threads at once, some genomes in each

    @property
    def version(self) -> str: ...  # changes whenever a feature could: a mask, a digest of weights

    def notes(self) -> tuple[str, ...]: ...  # sentences for the user, before the first genome is read

    def encode(self, genomes: Sequence[Genome], progress: Progress = quiet) -> Rows: ...  # (N,), order kept

    def iter_encode(
        self, genomes: Sequence[Genome], progress: Progress = quiet
    ) -> Iterator[npt.NDArray[Any]]: ...  # the same, each as soon as it is ready

    def features(self, raw: Rows) -> npt.NDArray[np.float32]: ...  # (N,) -> (N, D)

    def shares(self, raw: Rows) -> npt.NDArray[np.float32]: ...  # (N,) -> (N,) of each genome that was read
