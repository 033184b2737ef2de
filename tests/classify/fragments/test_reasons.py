"""Reasons of a fragment's call."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from genome_index.classify.fragments import reasons
from genome_index.classify.fragments.reasons import SharedPart

BEST = SharedPart("g1", "Alpha una", 0.81, 0.99)
NEXT = SharedPart("g2", "Alpha dua", 0.0512, 0.868)
NOTHING = SharedPart("g3", "Beta una", 0.0, 0.0)


@pytest.mark.parametrize(
    ("shared", "expected"),
    [
        (BEST, "81% (identity 99.0%)"),
        (NEXT, "5.1% (identity 86.8%)"),
        (SharedPart("g", None, 0.1, 0.9), "10% (identity 90.0%)"),
        (NOTHING, "none"),
    ],
)
def test_a_share_has_a_digit_more_where_it_is_small(shared: SharedPart, expected: str) -> None:
    assert str(shared) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            lambda: reasons.called(1_234, BEST, NEXT, "species", "Alpha una", 0.876),
            "Of 1,234 sampled k-mers, g1 (Alpha una) shares 81% (identity 99.0%); the next species, Alpha "
            "dua, shares 5.1% (identity 86.8%). For fragments of this length, the species Alpha una is right "
            "with probability 0.88.",
        ),
        (
            lambda: reasons.not_called(12, SharedPart("g4", None, 0.2, 0.926), None),
            "Of 12 sampled k-mers, g4 (no species) shares 20% (identity 92.6%). For a fragment of this "
            "length, no name is probable enough.",
        ),
        (
            lambda: reasons.not_called(12, BEST, NOTHING),
            "Of 12 sampled k-mers, g1 (Alpha una) shares 81% (identity 99.0%); the next species, Beta una, "
            "shares none. For a fragment of this length, no name is probable enough.",
        ),
        (
            lambda: reasons.nothing_shared(1_234),
            "Nothing in the index is comparable: no reference shares two of 1,234 sampled k-mers.",
        ),
    ],
)
def test_sentence(text: Callable[[], str], expected: str) -> None:
    assert text() == expected
