"""Classified queries: a call together with all that it was made from, for reports that explain it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.classify.decision import Verdict
from genome_index.classify.elected_names import Name
from genome_index.index.calibration.hits import Hits
from genome_index.records import Call


@dataclass(frozen=True)
class Roads:
    """The rows of the candidates of Q queries by the way on which they were found, -1 for none."""

    vector: npt.NDArray[np.int64]  # (Q, K) of the nearest vectors
    kmers: npt.NDArray[np.int64]  # (Q, S) of the references that share most k-mers

    def of(self, query: int, row: int) -> tuple[str, ...]:
        """The ways on which a candidate was found."""
        ways = (("vector", self.vector), ("k-mers", self.kmers))
        return tuple(name for name, rows in ways if row in rows[query])


@dataclass(frozen=True)
class Basis:
    """What the call of one query was made from."""

    hits: Hits  # of its batch
    query: int  # its line in `hits`
    names: Mapping[str, Name]  # the elected name at each level
    roads: Roads  # of its batch
    decided: Verdict  # by its hits, before they were compared with random sequence
    verdict: Verdict  # after that
    stages: tuple[tuple[str, Call], ...]  # the call after each later check, by the name of the check


@dataclass(frozen=True)
class Classified:
    """One query: its call, and the basis of the call."""

    call: Call
    basis: Basis | None = None  # None if the input could not be read, or failed quality control
