"""Classified queries: a call together with all that it was made from, for reports that explain it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from genome_index.classify.decision import Verdict
from genome_index.classify.elected_names import Name
from genome_index.index.calibration.hits import Hits
from genome_index.records import Call


@dataclass(frozen=True)
class Basis:
    """What the call of one query was made from."""

    hits: Hits  # of its batch
    query: int  # its line in `hits`
    names: Mapping[str, Name]  # the elected name at each level
    decided: Verdict  # by its hits, before they were compared with random sequence
    verdict: Verdict  # after that
    stages: tuple[tuple[str, Call], ...]  # the call after each later check, by the name of the check


@dataclass(frozen=True)
class Classified:
    """One query: its call, and the basis of the call."""

    call: Call
    basis: Basis | None = None  # None if the input could not be read, or failed quality control
