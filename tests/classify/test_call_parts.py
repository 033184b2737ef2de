"""Parts of a Call: hits with their names, lineage down to a rank, and labels."""

from __future__ import annotations

import pytest
from helpers.handmade import NAN, MemoryIndex, MemoryReferences, entries, hits, join_hits, levels, model

from genome_index.classify.call_parts import called_labels, hit_at, lineage_to
from genome_index.classify.elected_names import Name
from genome_index.index.store.skani import BELOW_RANGE
from genome_index.records import Evidence, Hit, Lineage
from genome_index.spec import IndexSpec

LEVELS = levels(genus=["A", "B"], species=["A a", "B b"], subtype=["x", "y"])
INDEX = MemoryIndex(model(LEVELS), MemoryReferences(IndexSpec(), [[], []]), entries(LEVELS))
TABLE = join_hits(
    hits([0, 1], [0.5, 0.25], [0.75, 0.625], [NAN, NAN]),
    hits([1, 0], 0.5, 0.75, [97, NAN], [90, NAN], [80, NAN]),
)
LINEAGE = Lineage({"genus": "A", "species": "A a"})


def test_a_hit_has_its_names_and_numbers() -> None:
    found = hit_at(INDEX, TABLE, 1, 0)  # type: ignore[arg-type]
    lineage = Lineage({"genus": "B", "species": "B b"})
    assert found == Hit("g1", lineage, {"subtype": "y"}, 0.5, 0.75, Evidence(97.0, 90.0, 80.0))


def test_a_hit_without_ani_says_why() -> None:
    expected = Hit(
        "g1",
        Lineage({"genus": "B", "species": "B b"}),
        {"subtype": "y"},
        0.25,
        0.625,
        Evidence(reason=BELOW_RANGE),
    )
    assert hit_at(INDEX, TABLE, 0, 1) == expected  # type: ignore[arg-type]
    assert hit_at(INDEX, TABLE, 0, 1, "why").evidence == Evidence(reason="why")  # type: ignore[arg-type]
    assert hit_at(INDEX, TABLE, 1, 0, "why").evidence == Evidence(reason="why")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rank", "expected"),
    [
        ("species", LINEAGE),
        ("genus", Lineage({"genus": "A"})),
        ("family", Lineage()),
        (None, Lineage()),
        ("subtype", Lineage()),
    ],
)
def test_a_lineage_ends_at_the_called_rank(rank: str | None, expected: Lineage) -> None:
    closest = hit_at(INDEX, TABLE, 0, 0)  # type: ignore[arg-type]
    assert lineage_to(rank, closest) == expected
    assert lineage_to(rank, None) == Lineage()


def test_labels_are_those_that_are_called() -> None:
    names = {"genus": Name(0, 0.9, 0.5), "subtype": Name(1, 0.7, 0.7)}
    assert called_labels(INDEX.model, names) == {"subtype": ("y", 0.7)}
    assert called_labels(INDEX.model, {"subtype": Name(1, 0.69, 0.7)}) == {}
    assert called_labels(INDEX.model, {"subtype": Name(-1, 0.9, 0.7)}) == {}
