"""Summary of the fragments of a file."""

from __future__ import annotations

from genome_index.classify.fragments.summary import MOST_NAMES, FragmentSummary
from genome_index.records import Call


def summary(*calls: Call) -> FragmentSummary:
    made = FragmentSummary()
    for call in calls:
        made.add(call)
    return made


def test_names_ranks_and_verdicts_are_counted_by_bases() -> None:
    found = summary(
        Call("a", "-", 600, "species", "", "species", "Alpha una"),
        Call("b", "-", 150, "genus", "", "genus", "Alpha"),
        Call("c", "-", 200, "out_of_scope", ""),
        Call("d", "-", 50, "species", "", "species", "Alpha una"),
    )
    assert found.shares() == [
        ("Alpha una", 650, 0.65),
        ("(out of scope)", 200, 0.2),
        ("Alpha (genus)", 150, 0.15),
    ]
    assert (found.fragments, found.bases) == (4, 1_000)
    assert found.verdicts == {"species": 2, "genus": 1, "out_of_scope": 1}


def test_names_beyond_the_twentieth_are_joined() -> None:
    assert MOST_NAMES == 20
    calls = [Call(str(i), "-", 100 - i, "species", "", "species", f"s{i}") for i in range(22)]
    found = summary(*calls).shares()
    assert len(found) == 21
    assert found[0][:2] == ("s0", 100)
    assert found[-1] == ("2 others", 80 + 79, (80 + 79) / sum(100 - i for i in range(22)))
    assert [name for name, _, _ in summary(*calls[:20]).shares()] == [f"s{i}" for i in range(20)]


def test_an_empty_file_has_no_shares() -> None:
    assert summary().shares() == []
    assert summary(Call("a", "-", 0, "failed", "")).shares() == [("(failed)", 0, 0.0)]
    assert summary(Call("a", "-", 1, "failed", "")).shares() == [("(failed)", 1, 1.0)]
