"""Thresholds of calibrators: false calls at species, precision above it, and folds without relatives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.handmade import calibrator

from genome_index.index.calibration import call_threshold
from genome_index.index.calibration.calibrator import CERTAINTY, Calibrator, Samples, fit_calibrator
from genome_index.index.calibration.call_threshold import (
    FALSE_CALLS,
    LEAST_CALLS,
    LEAST_SURE,
    NEVER,
    REQUIRED_PRECISION,
    SURE,
    THRESHOLDS,
    label_threshold,
    learned_threshold,
    with_ceiling,
    with_threshold,
)
from genome_index.index.calibration.features import FEATURES
from genome_index.index.calibration.vote import Vote


def samples(
    right: np.ndarray,
    species_out: np.ndarray | bool = True,
    eligible: np.ndarray | bool = True,
    name_out: np.ndarray | bool = False,
    is_alone: np.ndarray | bool = False,
) -> Samples:
    count = len(right)
    table = np.zeros((count, len(FEATURES)), np.float32)
    given = (species_out, name_out, is_alone, eligible)
    flags = [np.broadcast_to(np.asarray(flag, bool), (count,)) for flag in given]
    return Samples(table, right.astype(bool), np.ones(count), *flags, np.arange(count), flags[0])


def of_species(count: int, eligible: np.ndarray | bool = True) -> Samples:
    """Samples at species, where every call with the species held out is wrong."""
    return samples(np.zeros(count), eligible=eligible, name_out=True)


def test_the_promises() -> None:
    assert (REQUIRED_PRECISION, FALSE_CALLS, LEAST_CALLS) == (0.915, 0.05, 30)
    assert THRESHOLDS == (0.50, 0.95)
    assert NEVER > 1


def test_without_a_query_whose_species_is_out_the_default_holds() -> None:
    assert learned_threshold(np.full(50, 0.9), samples(np.ones(50), species_out=False)) == 0.8


# -- species: every call with the species held out is wrong --------------------------------------------------


@pytest.mark.parametrize(
    ("queries", "allowed"), [(20, 0), (62, 1), (100, 2), (300, 11), (7_378, 350)]
)  # 5 % less a standard deviation of that number: of 100, 5 less 2.2
def test_so_few_are_called_falsely_that_five_percent_is_likely_to_hold(queries: int, allowed: int) -> None:
    probability = np.linspace(0.94, 0.55, queries)
    found = learned_threshold(probability, of_species(queries))
    assert found == pytest.approx(probability[allowed] + 1e-6, abs=1e-9)
    assert (probability >= found).sum() == allowed


def test_the_share_is_of_all_queries_but_only_eligible_ones_can_be_called() -> None:
    probability = np.linspace(0.94, 0.55, 100)
    eligible = np.arange(100) >= 20
    found = learned_threshold(probability, of_species(100, eligible))
    assert found == pytest.approx(probability[22] + 1e-6, abs=1e-9)


def test_queries_whose_species_is_not_out_have_no_part() -> None:
    probability = np.concatenate([np.linspace(0.94, 0.55, 100), np.full(50, 0.9499)])
    species_out = np.arange(150) < 100
    right = np.arange(150) >= 100
    found = learned_threshold(probability, samples(right, species_out, name_out=species_out))
    assert found == pytest.approx(np.linspace(0.94, 0.55, 100)[2] + 1e-6, abs=1e-9)


@pytest.mark.parametrize(
    ("probability", "eligible", "expected"),
    [
        (np.full(100, 0.99), True, 0.95),
        (np.full(100, 0.1), True, 0.50),
        (np.full(100, 0.9), np.arange(100) < 2, 0.50),  # all that could be called falsely may be
        (np.full(100, 0.9), np.arange(100) < 3, 0.9 + 1e-6),
        (np.full(100, 0.9), False, 0.50),
    ],
)
def test_the_threshold_of_false_calls_stays_within_its_limits(
    probability: np.ndarray, eligible: np.ndarray | bool, expected: float
) -> None:
    found = learned_threshold(probability, of_species(100, eligible))
    assert found == pytest.approx(expected, abs=1e-9)


# -- genus and above: a call can be right --------------------------------------------------------------------


def test_the_threshold_is_where_the_calls_are_precise_enough() -> None:
    probability = np.linspace(0.94, 0.51, 200)
    right = np.ones(200)
    right[100:] = 0  # precision falls below 0.915 at 110 calls
    found = learned_threshold(probability, samples(right))
    assert found == pytest.approx(probability[108])


def test_a_later_recovery_of_precision_counts() -> None:
    probability = np.linspace(0.94, 0.51, 200)
    right = np.ones(200)
    right[:5] = 0  # 47 calls are too imprecise; all 200 are not
    assert learned_threshold(probability, samples(right)) == pytest.approx(probability[199])


def test_the_order_is_that_of_probability() -> None:
    probability = np.linspace(0.51, 0.94, 200)
    right = np.ones(200)
    right[:100] = 0
    assert learned_threshold(probability, samples(right)) == pytest.approx(probability[91])


def test_fewer_than_thirty_calls_teach_no_threshold() -> None:
    probability = np.linspace(0.94, 0.51, 200)
    right = np.zeros(200)
    right[:28] = right[140:] = 1  # 30 calls have a precision of 0.93, 31 of 0.903
    assert learned_threshold(probability, samples(right)) == pytest.approx(probability[29])
    right[27] = 0  # 29 calls would be precise enough, 30 are not
    assert learned_threshold(probability, samples(right)) == 0.95


def test_where_few_can_be_right_half_of_them_are_enough() -> None:
    probability = np.linspace(0.94, 0.51, 60)
    right = np.zeros(60)
    right[:10] = right[50:] = 1  # 20 right answers: 10 calls are enough, and 11 have a precision of 0.909
    assert learned_threshold(probability, samples(right)) == pytest.approx(probability[9])
    right[8] = 0  # 9 calls would be precise enough, 10 are not
    assert learned_threshold(probability, samples(right)) == 0.95


def test_a_rank_whose_own_name_is_held_out_is_called_as_rarely_as_a_species() -> None:
    probability = np.concatenate([np.linspace(0.94, 0.51, 100), np.linspace(0.93, 0.51, 100)])
    is_out = np.arange(200) >= 100
    some = samples(~is_out, ~is_out, name_out=is_out)
    assert learned_threshold(probability, some) == pytest.approx(probability[102] + 1e-6, abs=1e-9)
    precise = samples(np.ones(200), ~is_out)  # nothing held out: precision alone counts
    assert learned_threshold(probability, precise) == pytest.approx(0.51)


@pytest.mark.parametrize("alone", [100, 99])
def test_a_hundred_names_that_have_no_other_genome_have_a_threshold_of_their_own(alone: int) -> None:
    """They resemble others more here: of 300 with their name held out eleven may be called, of these two."""
    probability = np.concatenate([np.linspace(0.94, 0.70, alone), np.linspace(0.60, 0.51, 300)])
    is_out = np.arange(alone + 300) >= alone
    found = learned_threshold(probability, samples(is_out, False, name_out=is_out, is_alone=~is_out))
    expected = probability[2] if alone == 100 else probability[alone + 11]
    assert found == pytest.approx(expected + 1e-6, abs=1e-9)


@pytest.mark.parametrize(("probability", "expected"), [(0.3, 0.5), (0.99, 0.95)])
def test_the_threshold_of_precision_stays_within_its_limits(probability: float, expected: float) -> None:
    assert learned_threshold(np.full(40, probability), samples(np.ones(40))) == expected


# -- folds ---------------------------------------------------------------------------------------------------


def grouped(count: int = 90) -> Samples:
    rng = np.random.default_rng(5)
    table = rng.normal(size=(count, len(FEATURES))).astype(np.float32)
    right = rng.random(count) < 1 / (1 + np.exp(-3 * table[:, 0]))
    group = 10 * rng.integers(0, 7, count)
    return Samples(table, right, np.ones(count), *np.ones((4, count), bool), group, np.ones(count, bool))


def test_probabilities_come_from_calibrators_without_relatives(monkeypatch: pytest.MonkeyPatch) -> None:
    some = grouped()
    fitted = fit_calibrator(some, Vote(2.0, 0.1))
    seen: list[np.ndarray] = []
    monkeypatch.setattr(
        call_threshold, "learned_threshold", lambda probability, _: seen.append(probability) or 0.77
    )
    assert with_threshold(fitted, some).threshold == 0.77
    fold = np.unique(some.group, return_inverse=True)[1] % 3
    for part in range(3):
        apart = fit_calibrator(some.only(fold != part), Vote(2.0, 0.1))
        assert seen[0][fold == part] == pytest.approx(apart.probability(some.features[fold == part]))
        assert not np.allclose(seen[0][fold == part], fitted.probability(some.features[fold == part]))


def test_a_fold_whose_others_are_all_wrong_keeps_the_calibrators_own_probabilities(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    some = grouped()
    fold = np.unique(some.group, return_inverse=True)[1] % 3
    some = replace(some, right=some.right & (fold == 1))
    fitted = fit_calibrator(some, Vote())
    seen: list[np.ndarray] = []
    monkeypatch.setattr(
        call_threshold, "learned_threshold", lambda probability, _: seen.append(probability) or 0.5
    )
    with_threshold(fitted, some)
    own = fitted.probability(some.features)
    assert seen[0][fold == 1] == pytest.approx(own[fold == 1])
    assert not np.allclose(seen[0][fold == 0], own[fold == 0])


def test_everything_but_the_threshold_stays() -> None:
    fitted = calibrator({"ani": 1.0}, threshold=0.3)
    some = of_species(40)
    found = with_threshold(fitted, some)
    assert replace(found, threshold=0.3) == replace(fitted, threshold=0.3) or found.weights is fitted.weights
    assert found.threshold == 0.5 + 1e-6


# -- labels: precision in their mixture, weighted ------------------------------------------------------------


def test_the_threshold_of_a_label_is_where_calls_are_precise_in_its_mixture() -> None:
    probability = np.linspace(0.94, 0.51, 200)
    is_out = np.arange(200) >= 100  # the value of the second half is held out: none of its calls is right
    some = samples(~is_out, species_out=False, name_out=is_out)
    assert label_threshold(probability, some) == pytest.approx(probability[108])  # 100 of 109 are right
    light = replace(some, weight=np.where(is_out, 0.5, 1.0))
    assert label_threshold(probability, light) == pytest.approx(probability[117])  # 100 of 100 + 9 are
    assert label_threshold(probability, samples(~is_out, species_out=False)) == 0.80  # none was held out


def test_a_label_learns_its_own_threshold() -> None:
    rng = np.random.default_rng(3)
    some = samples(rng.random(300) < 0.8, species_out=False, name_out=rng.random(300) < 0.2)
    some.features[:, 0] = some.right + rng.random(300)
    fitted = fit_calibrator(some, Vote())
    label, rank = with_threshold(fitted, some, is_label=True), with_threshold(fitted, some)
    assert label.threshold < rank.threshold


# -- the highest probability ---------------------------------------------------------------------------------


def sure_samples(right: list[bool], own_out: list[bool], weight: list[float] | None = None) -> Samples:
    count = len(right)
    yes = np.ones(count, bool)
    weights = np.ones(count) if weight is None else np.array(weight)
    table = np.zeros((count, len(FEATURES)), np.float32)
    return Samples(
        table, np.array(right), weights, yes, yes, ~yes, yes, np.arange(count), np.array(own_out)
    )  # fmt: skip


def highest(some: Samples, stated: float = 0.98, fitted: Calibrator | None = None) -> float:
    given = fitted or calibrator({"ani": 1.0}, threshold=0.5)
    return with_ceiling(given, some, np.full(len(some.right), stated)).highest


def test_the_surest_names_are_held_to_how_often_they_are_right() -> None:
    some = sure_samples([True] * 18 + [False] * 2, [True] * 20)
    assert (SURE, LEAST_SURE) == (0.9, 10.0)
    assert highest(some) == pytest.approx((18 + 0.98) / 21)


def test_queries_that_are_in_the_index_themselves_do_not_count() -> None:
    there = sure_samples([True] * 1018 + [False] * 2, [False] * 1000 + [True] * 20)
    assert highest(there) == pytest.approx((18 + 0.98) / 21)


def test_samples_count_by_their_weight() -> None:
    some = sure_samples([True] * 20 + [False] * 10, [True] * 30, [1.0] * 20 + [0.1] * 10)
    number = 21.0**2 / 20.1  # Kish
    assert highest(some) == pytest.approx((20 / 21 * number + 0.98) / (number + 1))


def test_a_probability_above_it_becomes_it_and_others_stay() -> None:
    found = with_ceiling(
        calibrator({"ani": 1.0}, threshold=0.5),
        sure_samples([True] * 18 + [False] * 2, [True] * 20),
        np.full(20, 0.98),
    )
    rows = np.zeros((3, len(FEATURES)), np.float32)
    rows[:, FEATURES.index("ani")] = (5, 1, -9)
    plain = calibrator({"ani": 1.0}, threshold=0.5).probability(rows)
    assert found.probability(rows) == pytest.approx([(18 + 0.98) / 21, plain[1], CERTAINTY[0]])


@pytest.mark.parametrize(
    ("right", "own_out", "stated"),
    [
        ([True] * 5 + [False] * 4, [True] * 9, 0.98),  # too few
        ([True] * 10 + [False] * 10, [False] * 20, 0.98),  # all in the index themselves
        ([True] * 10 + [False] * 10, [True] * 20, 0.89),  # none is sure
    ],
)
def test_too_little_to_learn_from_changes_nothing(
    right: list[bool], own_out: list[bool], stated: float
) -> None:
    assert highest(sure_samples(right, own_out), stated) == CERTAINTY[1]


def test_names_that_are_all_right_stay_sure() -> None:
    assert highest(sure_samples([True] * 200, [True] * 200), 0.995) == pytest.approx(CERTAINTY[1])


def test_a_level_that_was_called_still_is() -> None:
    some = sure_samples([True] * 10 + [False] * 10, [True] * 20)
    assert highest(some, fitted=calibrator({}, threshold=0.93)) == 0.93
