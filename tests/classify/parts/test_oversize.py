"""Oversize: from which length on a query is too long for its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from helpers.handmade import MemoryIndex, MemoryReferences, entries, levels, model

from genome_index.classify.parts.oversize import LONGEST, longest_of_name
from genome_index.records import Call, Contig, Genome
from genome_index.spec import IndexSpec

LEVELS = levels(family=["F", "F", "G", None], genus=["A", "B", "C", None])
LENGTHS = [100, 400, 900, 5_000]
CALL = Call("q", "-", 1, "family", "The reason.", rank="family", name="F", confidence=0.9)


def longest(
    length_bp: int, call: Call = CALL, hidden: Sequence[int] = (), live: Sequence[bool] = (True,) * 4
) -> int | None:
    references = MemoryReferences(IndexSpec(), [[]] * 4, lengths=LENGTHS)
    index = MemoryIndex(model(LEVELS, live=np.array(live)), references, entries(LEVELS))
    genome = Genome("q", (Contig("c", b"A" * length_bp),), "-")
    return longest_of_name(index, genome, call, hidden)  # type: ignore[arg-type]


def test_a_query_of_more_than_three_times_the_longest_genome_is_too_long() -> None:
    assert LONGEST == 3
    assert longest(1_200) is None
    assert longest(1_201) == 400


def test_the_longest_is_one_of_the_called_name() -> None:
    assert longest(1_201, replace(CALL, name="G")) is None
    assert longest(2_701, replace(CALL, name="G")) == 900
    assert longest(301, replace(CALL, rank="genus", name="A")) == 100


def test_hidden_and_removed_references_do_not_count() -> None:
    assert longest(301, hidden=[1]) == 100
    assert longest(301, live=(True, False, True, True)) == 100
    assert longest(301, hidden=[0, 1]) is None


@pytest.mark.parametrize("verdict", ["novel", "qc_fail"])
def test_without_a_name_no_query_is_too_long(verdict: str) -> None:
    assert longest(100_000, replace(CALL, verdict=verdict, rank=None, name=None)) is None
