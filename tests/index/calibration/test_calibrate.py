"""Calibration of one level: how hits vote, how many samples it takes, and when a level is never called."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.handmade import hits, join_hits, level, levels, no_neighbours, species_neighbours

from genome_index.index.calibration import calibrate as module
from genome_index.index.calibration import call_threshold
from genome_index.index.calibration.calibrate import (
    LEAST_NAMES,
    LEAST_SAMPLES,
    VOTES,
    best_vote,
    calibrate,
    fit_level,
)
from genome_index.index.calibration.calibrator import CERTAINTY, Calibrator, Samples, fit_calibrator
from genome_index.index.calibration.call_threshold import NEVER, with_threshold
from genome_index.index.calibration.features import FEATURES
from genome_index.index.calibration.hits import HeldOut, Hits
from genome_index.index.calibration.samples import join_samples, samples_of
from genome_index.index.calibration.simulate import SimulatedQueries, with_own_genome
from genome_index.index.calibration.thresholds import SpeciesThresholds
from genome_index.index.calibration.vote import Vote
from genome_index.taxonomy.levels import Level

# Five genera of two species, two genomes each: rows 0 to 19.
LEVELS = levels(
    family=["F"] * 20,
    genus=[f"G{row // 4}" for row in range(20)],
    species=[f"G{row // 4} s{row // 2 % 2}" for row in range(20)],
)
NEAR = no_neighbours(20)
THRESHOLDS = SpeciesThresholds(species_neighbours([np.nan] * 20, [np.nan] * 20), LEVELS, np.full(20, "virus"))


def simulated(regime: str, seed: int = 0) -> SimulatedQueries:
    """Each genome with hits among the others, those of its genus nearer than those of others."""
    rng = np.random.default_rng(seed)
    lines = []
    for row in range(20):
        others = [other for other in rng.permutation(20).tolist() if other != row]
        if regime in LEVELS:
            codes = LEVELS[regime].codes
            others = [other for other in others if codes[other] != codes[row]]
        score = [0.9 - 0.3 * (other // 4 != row // 4) - 0.1 * (other // 2 != row // 2) for other in others]
        score = (np.array(score) - 0.2 * rng.random(len(others))).tolist()
        table = [*others, *[-1] * (19 - len(others))]
        lines.append(hits(table, [*score, *[0.0] * (19 - len(others))], 0.6, 94))
    rows = np.arange(20)
    codes = LEVELS[regime].codes if regime in LEVELS else np.full(20, -1, np.int32)
    return SimulatedQueries(regime, rows, join_hits(*lines), HeldOut(rows, codes, codes[rows]))


REGIMES = [simulated(regime) for regime in ("genome", "species", "genus", "family")]
REGIMES.append(with_own_genome(REGIMES[0]))
SHARES = {"genome": 0.4, "species": 0.25, "genus": 0.2, "nothing": 0.15}


def samples(right: list[bool]) -> Samples:
    count = len(right)
    table = np.zeros((count, len(FEATURES)), np.float32)
    table[:, 0] = np.array(right)
    flags = np.ones(count, bool)
    return Samples(
        table, np.array(right), np.ones(count), flags, flags, ~flags, flags, np.arange(count), flags
    )


def test_ways_to_vote_begin_with_the_default() -> None:
    assert VOTES[0] == Vote()
    assert len(set(VOTES)) == 12
    assert {vote.kmer_weight for vote in VOTES} == {8.0, 2.0, 0.0}
    assert [vote.temperature for vote in VOTES[::3]] == [0.05, 0.02, 0.1, 0.2]
    assert (LEAST_SAMPLES, LEAST_NAMES) == (8, 4)


@pytest.mark.parametrize("name", ["genus", "species"])
def test_a_level_is_calibrated_on_its_mixture(name: str) -> None:
    found = calibrate(LEVELS, name, REGIMES, NEAR, THRESHOLDS)
    vote = best_vote(LEVELS, name, REGIMES)
    parts = [
        samples_of(LEVELS, name, queries, NEAR, THRESHOLDS, vote, SHARES[queries.regime])
        for queries in REGIMES
        if queries.regime in SHARES
    ]
    joined = join_samples([part for part in parts if part is not None])
    assert joined is not None
    expected = with_threshold(fit_calibrator(joined, vote), joined)
    if name == "genus":  # of which there are five
        assert expected.threshold < 0.9
        expected = replace(expected, threshold=0.9)
    assert found is not None
    assert found.to_json() == expected.to_json()


def test_the_species_is_no_surer_than_of_queries_whose_own_genome_is_not_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[int] = []

    def noted(fitted: Calibrator, some: Samples, probability: np.ndarray) -> Calibrator:
        assert len(probability) == len(some.right)
        seen.append(int((~some.own_out).sum()))
        return replace(fitted, highest=0.77)

    monkeypatch.setattr(call_threshold, "with_ceiling", noted)
    species, genus = (calibrate(LEVELS, name, REGIMES, NEAR, THRESHOLDS) for name in ("species", "genus"))
    assert species is not None
    assert genus is not None
    assert (species.highest, genus.highest) == (0.77, CERTAINTY[1])
    assert len(seen) == 1
    assert seen[0] > 0  # the regime in which nothing is held out


def test_above_genus_the_rank_itself_is_held_out_too() -> None:
    found = calibrate(LEVELS, "family", REGIMES, NEAR, THRESHOLDS)
    assert found is not None
    assert found.samples == 80  # with the family out there is no hit
    assert found.threshold == NEVER  # there is one family only


@pytest.mark.parametrize(
    ("right", "fitted"),
    [
        ([True, False] * 4, True),
        ([True, False, True, False, True, False, True], False),
        ([False] * 8, False),
        ([False] * 7 + [True], True),
    ],
)
def test_few_or_only_wrong_samples_give_no_calibrator(right: list[bool], fitted: bool) -> None:
    found = fit_level(level("species", ["a", "b"]), samples(right), Vote())
    assert (found is not None) is fitted
    assert fit_level(level("species", ["a"]), None, Vote()) is None


@pytest.mark.parametrize(
    ("name", "names", "never"),
    [
        ("genus", 3, True),
        ("genus", 4, False),
        ("superkingdom", 3, True),
        ("species", 3, False),
        ("strain", 3, False),
        ("subtype", 2, False),
    ],
)
def test_a_high_rank_of_few_names_is_never_called(name: str, names: int, never: bool) -> None:
    by = level(name, [*"abcd"[:names], "a"])
    some = samples([True, False] * 10)
    found = fit_level(by, some, Vote(2.0, 0.1))
    expected = with_threshold(fit_calibrator(some, Vote(2.0, 0.1)), some)
    assert found is not None
    assert (found.threshold == NEVER) is never
    assert replace(found, threshold=0).to_json() == replace(expected, threshold=0).to_json()


@pytest.mark.parametrize(
    ("name", "names", "least"),
    [("genus", 4, 0.9), ("genus", 9, 0.9), ("family", 9, 0.9), ("genus", 10, 0.8), ("family", 19, 0.8),
     ("family", 20, 0.5), ("species", 9, 0.5), ("subtype", 9, 0.5)],
)  # fmt: skip
def test_a_high_rank_of_few_names_is_called_from_nine_or_eight_tenths(
    name: str, names: int, least: float
) -> None:
    by = level(name, "abcdefghijklmnopqrst"[:names])
    right = np.arange(200) < 190  # precise everywhere, so that 0.5 is learned
    table = np.zeros((200, len(FEATURES)), np.float32)
    table[:, 0] = right
    none = np.zeros(200, bool)
    some = Samples(table, right, np.ones(200), ~none, none, none, ~none, np.arange(200), ~none)
    if name == "subtype":
        some = replace(some, name_out=~none)
    found = fit_level(by, some, Vote())
    unlimited = with_threshold(fit_calibrator(some, Vote()), some, name == "subtype")
    assert found is not None
    assert unlimited.threshold < 0.8
    assert found.threshold == (least if least > 0.5 else unlimited.threshold)


# -- the vote ------------------------------------------------------------------------------------------------

PAIR = level("genus", ["A", "A", "B", "B", "C", None])


def asked(*lines: Hits, rows: list[int]) -> list[SimulatedQueries]:
    table = np.array(rows)
    held = HeldOut(table, np.full(6, -1, np.int32), np.full(len(rows), -1, np.int32))
    return [SimulatedQueries("genome", table, join_hits(*lines), held)]


def test_the_vote_that_is_right_most_often_is_chosen() -> None:
    # Row 0 is nearer to row 2 by k-mers, but to row 1 by similarity.
    wrong_by_kmers = hits([1, 2], [0.5, 0.4], [0.6, 0.66])
    assert best_vote({"genus": PAIR}, "genus", asked(wrong_by_kmers, rows=[0])) == Vote(0.0, 0.05)
    right_by_kmers = hits([2, 1], [0.5, 0.4], [0.6, 0.66])
    assert best_vote({"genus": PAIR}, "genus", asked(right_by_kmers, rows=[0])) == VOTES[0]
    always = hits([1, 2], [0.5, 0.4], [0.7, 0.6])
    assert best_vote({"genus": PAIR}, "genus", asked(always, rows=[0])) == VOTES[0]  # a tie


def test_queries_that_no_answer_can_be_right_for_do_not_choose() -> None:
    misleading = hits([2, 1], [0.5, 0.4], [0.6, 0.9])
    assert best_vote({"genus": PAIR}, "genus", asked(misleading, misleading, rows=[4, 5])) == VOTES[0]
    wrong_by_kmers = hits([1, 2], [0.5, 0.4], [0.6, 0.66])
    lines = asked(wrong_by_kmers, misleading, misleading, rows=[0, 4, 5])
    assert best_vote({"genus": PAIR}, "genus", lines) == Vote(0.0, 0.05)


def test_an_even_sample_of_many_queries_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "VOTE_QUERIES", 2)
    wrong_by_kmers = hits([1, 2], [0.5, 0.4], [0.6, 0.66])
    right_by_kmers = hits([2, 1], [0.5, 0.4], [0.6, 0.66])
    always = hits([1, 2], [0.5, 0.4], [0.7, 0.6])
    # Of five queries each third one chooses: the first and the fourth.
    lines = asked(always, right_by_kmers, right_by_kmers, wrong_by_kmers, right_by_kmers, rows=[0] * 5)
    assert best_vote({"genus": PAIR}, "genus", lines) == Vote(0.0, 0.05)


def test_a_level_whose_last_name_has_no_genome_left_votes_too() -> None:
    by = Level("genus", ("A", "B", "gone"), np.array([0, 0, 1, 1, -1, -1], np.int32))
    wrong_by_kmers = hits([1, 2], [0.5, 0.4], [0.6, 0.66])
    assert best_vote({"genus": by}, "genus", asked(wrong_by_kmers, rows=[0])) == Vote(0.0, 0.05)
