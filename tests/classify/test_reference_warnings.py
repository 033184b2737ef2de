"""Warnings about suspect references that a call rests on."""

from __future__ import annotations

import pytest
from helpers.handmade import MemoryIndex, MemoryReferences, entries, hits, join_hits, levels, model

from genome_index.classify.decision import Verdict
from genome_index.classify.reference_warnings import (
    NO_CALLS,
    SUSPECT_KINDS,
    with_interleaved_names,
    with_reference_warning,
)
from genome_index.records import Call, InterleavedNames, Suspect
from genome_index.spec import IndexSpec

LEVELS = levels(species=["a", "b", "c"])
TABLE = join_hits(hits([0, 0, 0]), hits([2, 1, 0]))  # the call is of the second line
SPECIES = Verdict("species", "because", closest=1, runner_up=2)
AMBIGUOUS = Verdict("ambiguous", "because", closest=1, runner_up=2)
NOVEL = Verdict("novel", "because")


def warnings(suspects: dict[int, list[str]], verdict: Verdict, called: str = "") -> tuple[str, ...]:
    listed = {
        row: tuple(Suspect(row, f"g{row}", kind, "says", "like", f"Evidence of {kind}.") for kind in kinds)
        for row, kinds in suspects.items()
    }
    index = MemoryIndex(model(LEVELS), MemoryReferences(IndexSpec(), [[]] * 3), entries(LEVELS), listed)
    call = Call("q", "-", 1, called or verdict.verdict, "because", warnings=("before",))
    found = with_reference_warning(index, call, TABLE, 1, verdict)  # type: ignore[arg-type]
    assert found.warnings[0] == "before"
    return found.warnings[1:]


def sentence(role: str, row: int, kind: str) -> tuple[str, ...]:
    return (f"{role} g{row} is itself suspect: evidence of {kind} (see `gindex report`)",)


@pytest.mark.parametrize(
    ("suspects", "verdict", "expected"),
    [
        ({}, SPECIES, ()),
        ({1: ["label"]}, SPECIES, sentence("the closest reference", 1, "label")),
        ({1: ["mixture"], 2: ["label"]}, SPECIES, sentence("the closest reference", 1, "mixture")),
        ({2: ["contigs"]}, SPECIES, sentence("the nearest hit", 2, "contigs")),
        ({0: ["label"]}, SPECIES, ()),
        ({0: ["label"]}, AMBIGUOUS, sentence("the runner-up", 0, "label")),
        ({1: ["length"]}, SPECIES, ()),
        ({1: ["length", "label"]}, SPECIES, sentence("the closest reference", 1, "label")),
        ({1: ["length"], 2: ["label"]}, SPECIES, sentence("the nearest hit", 2, "label")),
        ({2: ["label"]}, NOVEL, sentence("the nearest hit", 2, "label")),
        ({0: ["label"]}, Verdict("ambiguous", "because", closest=1), ()),
    ],
)
def test_the_most_important_suspect_is_named(
    suspects: dict[int, list[str]], verdict: Verdict, expected: tuple[str, ...]
) -> None:
    assert warnings(suspects, verdict) == expected


@pytest.mark.parametrize("called", ["failed", "qc_fail", "out_of_scope"])
def test_without_a_call_nothing_rests_on_a_reference(called: str) -> None:
    assert warnings({1: ["label"]}, SPECIES, called) == ()
    assert NO_CALLS == ("failed", "qc_fail", "out_of_scope")
    assert SUSPECT_KINDS == ("label", "mixture", "contigs")


PAIRS = (
    InterleavedNames("species", "A a", "A b", 5, 5, 99.9),
    InterleavedNames("species", "A c", "A d", 5, 1, 99.99),
    InterleavedNames("genus", "A", "B", 3, 4, 99.6),
)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (Call("q", "-", 1, "species", "because", "species", "A a"), [0]),
        (Call("q", "-", 1, "ambiguous", "because", members=("A b", "A c")), [0]),
        (Call("q", "-", 1, "species", "because", "species", "A d"), [1]),
        (Call("q", "-", 1, "genus", "because", "genus", "B"), [2]),
        (Call("q", "-", 1, "family", "because", "family", "A a"), []),
        (Call("q", "-", 1, "novel", "because"), []),
    ],
)
def test_each_pair_of_interleaved_names_of_a_call_is_told(call: Call, expected: list[int]) -> None:
    told = [f"in the index, {PAIRS[at].sentence} (see `gindex report`)" for at in expected]
    assert list(with_interleaved_names(PAIRS, call).warnings) == told
