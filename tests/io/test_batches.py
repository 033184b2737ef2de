"""Batches: in order, complete, up to a number of items and of base pairs."""

from dataclasses import dataclass

import pytest

from genome_index.io.batches import batches
from genome_index.records import Contig, Failure, Genome


@dataclass(frozen=True)
class Item:
    length_bp: int


@pytest.mark.parametrize(
    ("most_items", "most_bp", "strict", "expected"),
    [
        (None, 10, False, [[3, 7], [1, 12], [4, 5]]),
        (None, 10, True, [[3, 7], [1], [12], [4, 5]]),
        (2, 100, False, [[3, 7], [1, 12], [4, 5]]),
        (4, 100, True, [[3, 7, 1, 12], [4, 5]]),
        (1, 100, False, [[3], [7], [1], [12], [4], [5]]),
    ],
)
def test_a_batch_ends_at_its_number_or_its_length(most_items, most_bp, strict, expected):
    items = [Item(length) for length in (3, 7, 1, 12, 4, 5)]
    made = [[item.length_bp for item in batch] for batch in batches(items, most_items, most_bp, strict)]
    assert made == expected


def test_an_input_that_failed_counts_as_an_item_without_length():
    genome = Genome("g", (Contig("c", b"ACGT"),), "-")
    failure = Failure("f", "f.fa", "no such file")
    assert list(batches([failure, genome, failure, failure], 3, 1_000)) == [
        [failure, genome, failure],
        [failure],
    ]
    assert list(batches([], 3, 10)) == []


def test_a_batch_comes_before_the_next_item_is_taken():
    taken = []

    def items():
        for length in (5, 5, 5):
            taken.append(length)
            yield Item(length)

    assert next(batches(items(), None, 10)) == [Item(5), Item(5)]
    assert taken == [5, 5]
