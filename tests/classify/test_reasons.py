"""Sentences that need more than the rows of test_decision: warnings and shares."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from genome_index.classify import reasons
from genome_index.classify.reasons import Match
from genome_index.encoders.chunk_grid import UNREAD

ALIGNED = "A b (aligned: 100 % of the query, 100 % of the reference)"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            lambda: reasons.maybe_fragment_warning(3_000, 16_569.4),
            "3,000 bp, but its hits have 16,569 bp in the median: if this is a fragment of a genome, query "
            "it with --fragments, which compares its k-mers with every reference",
        ),
        (
            lambda: reasons.partly_read_warning(0.254),
            "the similarity rests on 25% of the genome: the index reads windows of it",
        ),
        (
            lambda: reasons.partly_read_warning(0),
            f"{UNREAD}: the vector is zero, similarities are meaningless",
        ),
        (
            lambda: reasons.suspect_reference_warning("the nearest hit", "g1", "Its label differs."),
            "the nearest hit g1 is itself suspect: its label differs (see `gindex report`)",
        ),
        (
            lambda: reasons.no_nearer_than_random(0.123, 0.456),
            "Nothing in the index is comparable: no hit shares a k-mer with the query, and the nearest has "
            "similarity 0.12, where random sequence of this length and GC content has 0.46.",
        ),
        *(
            (lambda ani=ani: reasons.identity(Match("A b", ani, 100.0, 100.0)), f"ANI {shown} % to {ALIGNED}")
            for ani, shown in ((100.0, "100.0"), (99.999, "99.99"), (99.96, "99.96"), (99.94, "99.9"))
        ),
        (lambda: reasons.sentence("a clause"), "A clause."),
        (lambda: reasons.sentence("ANI stays."), "ANI stays."),
        (lambda: reasons.sentence(""), "."),
    ],
)
def test_sentence(text: Callable[[], str], expected: str) -> None:
    assert text() == expected
