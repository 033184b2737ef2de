"""How hits elect a name, against votes counted by hand and by a loop."""

from __future__ import annotations

from collections import defaultdict
from math import exp

import numpy as np
import pytest
from helpers.handmade import hits, join_hits, level

from genome_index.index.calibration.hits import Hits
from genome_index.index.calibration.vote import VOTERS, Vote, elect
from genome_index.taxonomy.levels import Level

GENUS = level("genus", ["Alpha", "Alpha", "Beta", "Beta", None])


def test_the_defaults_are_those_of_the_score() -> None:
    assert Vote() == Vote(kmer_weight=8.0, temperature=0.05)
    assert VOTERS == 20


@pytest.mark.parametrize(
    ("rows", "similarity", "name", "share"),
    [
        ([0], [0.5], "Alpha", 1.0),
        ([0, 2], [0.5, 0.45], "Alpha", 1 / (1 + exp(-1))),
        ([2, 0, 1], [0.5, 0.49, 0.49], "Alpha", 2 * exp(-0.2) / (1 + 2 * exp(-0.2))),
        ([0, 2], [0.5, 0.5], "Alpha", 0.5),
        ([2, 0], [0.5, 0.5], "Beta", 0.5),
        ([4, 2], [0.9, 0.1], "Beta", 1.0),
        ([-1, 2], [0.9, 0.1], "Beta", 1.0),
        ([4, -1], [0.9, 0.1], None, 0.0),
    ],
)
def test_a_hit_weighs_by_its_distance_to_the_best(
    rows: list[int], similarity: list[float], name: str | None, share: float
) -> None:
    codes, shares = elect(hits(rows, similarity, 0.6), GENUS, Vote())
    assert codes.tolist() == [-1 if name is None else GENUS.names.index(name)]
    assert shares == pytest.approx([share], abs=1e-6)
    assert (codes.dtype, shares.dtype) == (np.int32, np.float32)


def test_the_weight_of_kmers_and_the_temperature_are_those_of_the_vote() -> None:
    query = hits([0, 2], [0.5, 0.4], [0.6, 0.65])
    assert elect(query, GENUS, Vote(8.0, 0.05))[0].tolist() == [1]  # 0.5 against 0.4 + 8 * 0.05
    assert elect(query, GENUS, Vote(0.0, 0.05))[0].tolist() == [0]
    assert elect(query, GENUS, Vote(0.0, 0.2))[1] == pytest.approx([1 / (1 + exp(-0.5))], abs=1e-5)


def test_only_the_twenty_best_hits_vote() -> None:
    rows = [0] * 10 + [2] * 11
    score = [0.5] * 10 + [0.5] * 10 + [0.49999]
    assert elect(hits(rows, score, 0.6), GENUS, Vote())[1] == pytest.approx([0.5])
    assert elect(hits(rows[::-1], score[::-1], 0.6), GENUS, Vote())[0].tolist() == [1]


def slowly(query: Hits, by: Level, vote: Vote) -> tuple[int, float]:
    """The same for one query, hit by hit."""
    voters = [
        (float(similarity + vote.kmer_weight * (identity - np.float32(0.6))), int(by.codes[row]))
        for row, similarity, identity in zip(
            query.rows[0], query.similarity[0], query.kmer_identity[0], strict=True
        )
        if row >= 0 and by.codes[row] >= 0
    ]
    voters = sorted(voters, key=lambda voter: -voter[0])[:VOTERS]
    tallies: dict[int, float] = defaultdict(float)
    for value, code in voters:
        tallies[code] += exp((value - voters[0][0]) / vote.temperature)
    if not tallies:
        return -1, 0.0
    best = max(tallies, key=lambda code: tallies[code])
    return best, tallies[best] / sum(tallies.values())


def test_votes_of_random_hits_are_those_of_the_loop() -> None:
    rng = np.random.default_rng(1)
    by = level("species", ["abcdef"[i] if i < 6 else None for i in rng.integers(0, 8, 40)])
    queries = [
        hits(rng.integers(-1, 40, 30).tolist(), rng.random(30), 0.6 + 0.4 * rng.random(30)) for _ in range(20)
    ]
    codes, shares = elect(join_hits(*queries), by, Vote(2.0, 0.1))
    expected = [slowly(query, by, Vote(2.0, 0.1)) for query in queries]
    assert codes.tolist() == [code for code, _ in expected]
    assert shares == pytest.approx([share for _, share in expected], rel=1e-4)
