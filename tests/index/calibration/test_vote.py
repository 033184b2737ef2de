"""How hits elect a name, against votes counted by hand and by a loop."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from math import exp, isnan

import numpy as np
import pytest
from helpers.handmade import NAN, hits, join_hits, level

from genome_index.index.calibration import vote as module
from genome_index.index.calibration.hits import Hits
from genome_index.index.calibration.vote import ANI_LEAD, VOTERS, Vote, elect
from genome_index.taxonomy.levels import Level

GENUS = level("genus", ["Alpha", "Alpha", "Beta", "Beta", None])


def test_the_defaults_are_those_of_the_score() -> None:
    assert Vote() == Vote(kmer_weight=8.0, temperature=0.05)
    assert VOTERS == 20
    assert ANI_LEAD == 0.5


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


BETA = exp(-1) / (1 + exp(-1))  # its share of the votes below


@pytest.mark.parametrize(
    ("ani", "af", "name"),
    [
        ([95, 96], 80, "Beta"),
        ([95, 95.5], 80, "Alpha"),  # exactly the lead
        ([95, 95.53125], 80, "Beta"),
        ([95, 94], 80, "Alpha"),
        ([95, 97], [50, 30], "Alpha"),  # over 30 % the 97 count 95
        ([95, 97], [50, 36], "Beta"),  # over 36 %, 95.6
        ([97, 95], [20, 80], "Beta"),  # over 20 % the 97 count 94
        ([97, 95], [25, 80], "Alpha"),  # over 25 %, 94.5
        ([NAN, 90], 80, "Beta"),  # an ANI below the range is less than any
        ([NAN, 89.9], 80, "Alpha"),  # too far to be elected against the votes
        ([80, 89.9], 80, "Alpha"),
        ([80, NAN], 80, "Alpha"),
        ([NAN, NAN], 80, "Alpha"),
        ([NAN, 99], NAN, "Alpha"),  # nothing is known to be aligned
    ],
)
def test_a_name_that_leads_by_ani_is_elected_against_the_votes(
    ani: list[float], af: list[float] | float, name: str
) -> None:
    query = hits([0, 2], [0.5, 0.45], 0.6, ani, af, NAN)
    codes, shares = elect(query, GENUS, Vote())
    assert [GENUS.names[code] for code in codes] == [name]
    assert shares == pytest.approx([BETA if name == "Beta" else 1 - BETA], abs=1e-6)


def test_the_larger_aligned_fraction_counts_for_the_lead() -> None:
    assert elect(hits([0, 2], [0.5, 0.45], 0.6, [95, 97], [80, 10], [80, 60]), GENUS, Vote())[0].tolist() == [
        1
    ]


def test_the_best_hit_of_each_name_counts_for_the_lead() -> None:
    query = hits([0, 2, 1], [0.5, 0.45, 0.1], 0.6, [80, 96, 95.75], 80, 80)
    assert elect(query, GENUS, Vote())[0].tolist() == [0]
    query = hits([0, 2, 3], [0.5, 0.45, 0.1], 0.6, [95, 80, 96], 80, 80)
    codes, shares = elect(query, GENUS, Vote())
    assert codes.tolist() == [1]
    assert shares == pytest.approx([(exp(-1) + exp(-8)) / (1 + exp(-1) + exp(-8))], abs=1e-6)


def test_a_hit_without_a_name_has_no_lead() -> None:
    assert elect(hits([0, 4, -1], [0.5, 0.4, 0], 0.6, [90, 99, 99], 80, 80), GENUS, Vote())[0].tolist() == [0]


def test_a_name_may_lead_by_a_hit_that_has_no_vote() -> None:
    query = hits([0] * 20 + [2], 0.5, 0.6, [90] * 20 + [99], 80, 80)
    codes, shares = elect(query, GENUS, Vote())
    assert codes.tolist() == [1]
    assert shares.tolist() == [0]


def test_no_queries_elect_nobody() -> None:
    codes, shares = elect(hits([0]).only(slice(0, 0)), GENUS, Vote())
    assert (codes.shape, shares.shape) == ((0,), (0,))
    assert (codes.dtype, shares.dtype) == (np.int32, np.float32)


def effective(query: Hits, i: int) -> float:
    """ANI of a hit less a tenth for each point of aligned fraction below 50; 0 if it is unknown."""
    sides = [float(side[0, i]) for side in (query.af_query, query.af_reference)]
    mapped = max((side for side in sides if not isnan(side)), default=NAN)
    value = float(query.ani[0, i]) - 0.1 * max(50 - mapped, 0) if not isnan(mapped) else NAN
    return 0.0 if isnan(value) else value


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
    ani: dict[int, float] = defaultdict(float)
    for i, row in enumerate(query.rows[0]):
        if row >= 0 and by.codes[row] >= 0:
            ani[int(by.codes[row])] = max(ani[int(by.codes[row])], effective(query, i))
    nearest = max(ani, key=lambda code: ani[code])
    if ani[nearest] > ani[best] + 0.5:
        best = nearest
    return best, tallies[best] / sum(tallies.values())


@pytest.mark.parametrize("block", [7, 256])
def test_votes_of_random_hits_are_those_of_the_loop(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK", block)
    rng = np.random.default_rng(1)
    by = level("species", ["abcdef"[i] if i < 6 else None for i in rng.integers(0, 8, 40)])
    queries = [
        hits(
            rng.integers(-1, 40, 30).tolist(),
            rng.random(30),
            0.6 + 0.4 * rng.random(30),
            np.where(rng.random(30) < 0.6, NAN, 93 + 2 * rng.random(30)),
            30 + 60 * rng.random(30),
            np.where(rng.random(30) < 0.5, NAN, 90 * rng.random(30)),
        )
        for _ in range(60)
    ]
    codes, shares = elect(join_hits(*queries), by, Vote(2.0, 0.1))
    expected = [slowly(query, by, Vote(2.0, 0.1)) for query in queries]
    assert codes.tolist() == [code for code, _ in expected]
    voted, _ = elect(
        join_hits(*(replace(query, ani=query.ani * NAN) for query in queries)), by, Vote(2.0, 0.1)
    )
    assert 10 < (codes == voted).sum() < 50  # either way of election is seen
    assert shares == pytest.approx([share for _, share in expected], rel=1e-4)
