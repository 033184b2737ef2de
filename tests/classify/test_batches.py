"""Batches of queries: a call for every input, in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from helpers.handmade import genome

from genome_index.classify import batches
from genome_index.classify.batches import calls_in_order
from genome_index.records import Call, Failure, Genome

GOOD = "ACGT" * 200


def classify(genomes: Sequence[Genome]) -> list[Call]:
    return [
        Call(each.id, each.source, each.length_bp, "species", f"one of {len(genomes)}") for each in genomes
    ]


def test_failures_and_refused_genomes_keep_their_place() -> None:
    inputs = [
        genome(GOOD, "a"), Failure("b", "b.fa", "cannot be read"), genome("ACGT", "c"), genome(GOOD, "d"),
    ]  # fmt: skip
    found = list(calls_in_order(inputs, 10, classify))
    assert [(call.query, call.source, call.verdict, call.length_bp) for call in found] == [
        ("a", "a.fa", "species", 800),
        ("b", "b.fa", "failed", 0),
        ("c", "c.fa", "qc_fail", 4),
        ("d", "d.fa", "species", 800),
    ]
    assert found[0].reason == found[3].reason == "one of 2"
    assert found[1].reason == "cannot be read"
    assert found[2].reason.startswith("4 bp is too short")


@pytest.mark.parametrize(
    ("size", "bp", "expected"), [(2, 10_000, [2, 2, 1]), (9, 1_600, [2, 2, 1]), (9, 10_000, [5])]
)
def test_a_batch_ends_at_its_number_or_its_bases(
    size: int, bp: int, expected: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "BATCH_BP", bp)
    sizes: list[int] = []

    def noting(genomes: Sequence[Genome]) -> list[Call]:
        sizes.append(len(genomes))
        return classify(genomes)

    found = list(calls_in_order([genome(GOOD, str(i)) for i in range(5)], size, noting))
    assert [call.query for call in found] == ["0", "1", "2", "3", "4"]
    assert sizes == expected


def test_no_more_than_a_batch_is_read_ahead() -> None:
    read: list[int] = []

    def stream() -> Iterator[Genome]:
        for i in range(6):
            read.append(i)
            yield genome(GOOD, str(i))

    calls = calls_in_order(stream(), 2, classify)
    assert next(calls).query == "0"
    assert read == [0, 1]


def test_a_batch_without_a_usable_genome_is_not_classified() -> None:
    def never(genomes: Sequence[Genome]) -> list[Call]:
        raise AssertionError(genomes)

    assert [call.verdict for call in calls_in_order([genome("A"), Failure("f", "-", "r")], 5, never)] == [
        "qc_fail",
        "failed",
    ]
