"""Calibrator: knots, limits of the probability, more evidence that never gives less, and its JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from helpers.handmade import calibrator
from hypothesis import given, settings
from hypothesis import strategies as st

from genome_index.index.calibration.calibrator import (
    CERTAINTY,
    DEFAULT_THRESHOLD,
    FEW_KNOTS,
    KNOTS,
    KNOTS_FROM,
    Calibrator,
    Samples,
    fit_calibrator,
)
from genome_index.index.calibration.features import EVIDENCE, FEATURES
from genome_index.index.calibration.logistic import fit_logistic
from genome_index.index.calibration.vote import Vote


def samples(count: int, features: int = len(FEATURES), seed: int = 0) -> Samples:
    """Samples whose answers depend on the first two features; the last feature is constant."""
    rng = np.random.default_rng(seed)
    table = (rng.normal(size=(count, features)) * np.arange(1, features + 1) + 3).astype(np.float32)
    table[:, -1] = 7
    logit = (table[:, 0] - 3) * 2 + (table[:, 1] - 3) / 2
    right = rng.random(count) < 1 / (1 + np.exp(-logit))
    group = rng.integers(0, 9, count)
    return Samples(table, right, np.ones(count), *np.ones((4, count), bool), group, np.ones(count, bool))


def row(**values: float) -> np.ndarray:
    table = np.zeros((1, len(FEATURES)), np.float32)
    for name, value in values.items():
        table[0, FEATURES.index(name)] = value
    return table


@pytest.mark.parametrize(
    ("ani", "expected"),
    [(0, 1 / (1 + np.exp(-0.5))), (1, 1 / (1 + np.exp(-2.5))), (-1, 1 / (1 + np.exp(1.5)))],
)
def test_probability_is_the_logistic_of_the_weighted_features(ani: float, expected: float) -> None:
    fitted = calibrator({"ani": 2.0}, intercept=0.5)
    assert fitted.probability(row(ani=ani)) == pytest.approx([expected])


@pytest.mark.parametrize(
    ("ani", "logit"),
    [(-9, 0), (1, 0), (2, 0.5), (3, 1), (3.5, 2.0), (4, 3.0), (4.1, 3.0), (1e6, 3.0)],
)
def test_a_feature_adds_its_weights_from_knot_to_knot_and_is_flat_beyond(ani: float, logit: float) -> None:
    knots, weights = np.zeros((len(FEATURES), 3)), np.zeros((len(FEATURES), 2))
    at = FEATURES.index("ani")
    knots[at], weights[at] = (1, 3, 4), (1.0, 2.0)
    fitted = replace(calibrator({}), knots=knots, weights=np.concatenate([[0.0], weights.ravel()]))
    assert fitted.probability(row(ani=ani)) == pytest.approx([1 / (1 + np.exp(-logit))])


def test_equal_knots_make_a_step() -> None:
    knots, weights = np.zeros((len(FEATURES), 2)), np.zeros(len(FEATURES))
    knots[0], weights[0] = (5, 5), 1.0
    fitted = replace(calibrator({}), knots=knots, weights=np.concatenate([[0.0], weights]))
    table = np.zeros((3, len(FEATURES)), np.float32)
    table[:, 0] = 4.9, 5, 5.1
    assert fitted.probability(table) == pytest.approx([0.5, 0.5, 1 / (1 + np.exp(-1))])


def test_nothing_is_surer_than_the_limits() -> None:
    fitted = calibrator({"ani": 50.0})
    assert CERTAINTY == (0.005, 0.995)
    assert fitted.probability(row(ani=1)).tolist() == [0.995]
    assert fitted.probability(row(ani=-1)).tolist() == [0.005]


def test_few_samples_have_few_knots() -> None:
    few, many = fit_calibrator(samples(KNOTS_FROM - 1), Vote()), fit_calibrator(samples(KNOTS_FROM), Vote())
    assert (KNOTS, FEW_KNOTS) == ((0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99), (0.01, 0.5, 0.99))
    assert few.knots.shape == (len(FEATURES), 3)
    assert many.knots.shape == (len(FEATURES), 7)
    assert (few.samples, many.samples) == (KNOTS_FROM - 1, KNOTS_FROM)
    assert many.weights.shape == (1 + len(FEATURES) * 6,)


def test_knots_are_quantiles_of_the_samples() -> None:
    some = samples(KNOTS_FROM, seed=1)
    fitted = fit_calibrator(some, Vote(2.0, 0.1))
    expected = np.quantile(some.features.astype(np.float64), (0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99), axis=0)
    assert fitted.knots == pytest.approx(expected.T)
    assert fitted.vote == Vote(2.0, 0.1)
    assert fitted.threshold == DEFAULT_THRESHOLD == 0.8


def test_coefficients_are_those_of_the_regression_on_ways_between_knots() -> None:
    some = replace(samples(60, seed=2), weight=np.linspace(0.5, 1.5, 60))
    fitted = fit_calibrator(some, Vote())
    design = np.ones((60, 1 + len(FEATURES) * 2))
    for feature in range(len(FEATURES)):
        low, middle, high = np.quantile(some.features[:, feature].astype(np.float64), (0.01, 0.5, 0.99))
        for part, (start, end) in enumerate(((low, middle), (middle, high))):
            way = (some.features[:, feature] - start) / max(end - start, 1e-6)
            design[:, 1 + 2 * feature + part] = np.clip(way, 0, 1)
    at_least_zero = np.arange(design.shape[1]) > 0
    at_least_zero[-2:] = False  # "alone", the last feature, is no evidence
    expected = fit_logistic(design, some.right.astype(float), some.weight, at_least_zero)
    assert fitted.weights == pytest.approx(expected, abs=1e-5)
    assert fitted.weights[1:-2].min() == 0  # some noise would like to be negative
    assert fitted.probability(some.features) == pytest.approx(
        np.clip(1 / (1 + np.exp(-design @ expected)), 0.005, 0.995), abs=1e-5
    )


@settings(max_examples=200, deadline=None)
@given(data=st.data(), seed=st.integers(0, 5), count=st.sampled_from([20, 60, KNOTS_FROM]))
def test_more_evidence_never_gives_less_confidence(data: st.DataObject, seed: int, count: int) -> None:
    """Every pair of evidence that is ordered, also far beyond the samples that were learned from."""
    fitted = fit_calibrator(samples(count, seed=seed), Vote())
    value = st.floats(-1e4, 1e4, width=32)
    table = np.array([[data.draw(value) for _ in FEATURES]] * 2, np.float32)
    raised = [FEATURES.index(name) for name in data.draw(st.sets(st.sampled_from(EVIDENCE), min_size=1))]
    table[1, raised] += np.float32(data.draw(st.floats(0, 1e4, width=32)))
    less, more = fitted.probability(table)
    assert more >= less


def test_probabilities_rank_the_samples() -> None:
    some = samples(800, seed=3)
    probability = fit_calibrator(some, Vote()).probability(some.features)
    assert probability[some.right].mean() > probability[~some.right].mean() + 0.3


@pytest.mark.parametrize("count", [40, KNOTS_FROM])
def test_intercept_and_contributions_add_up_to_the_log_odds(count: int) -> None:
    some = samples(count)
    fitted = fit_calibrator(some, Vote())
    added = fitted.contributions(some.features)
    assert added.shape == (count, len(FEATURES))
    logit = fitted.intercept + added.sum(axis=1)
    assert fitted.probability(some.features) == pytest.approx(np.clip(1 / (1 + np.exp(-logit)), *CERTAINTY))


def test_a_contribution_is_that_of_its_own_feature() -> None:
    fitted = calibrator({"ani": 2.0, "share": 3.0}, intercept=0.5)
    at_least = fitted.contributions(row(ani=-1e9, share=-1e9))
    added = fitted.contributions(row(ani=1.5, share=0.25))
    assert at_least.tolist() == [[0.0] * len(FEATURES)]
    assert fitted.intercept == 0.5 - 1_000 * 5
    assert added[0][FEATURES.index("ani")] == pytest.approx(2 * 1001.5)
    assert added[0][FEATURES.index("share")] == pytest.approx(3 * 1000.25)
    assert np.count_nonzero(added) == 2


def test_json_round_trips() -> None:
    fitted = replace(fit_calibrator(samples(KNOTS_FROM), Vote(2.0, 0.1)), threshold=0.9, highest=0.93)
    values = json.loads(json.dumps(fitted.to_json()))
    assert list(values) == ["vote", "knots", "weights", "threshold", "highest", "samples"]
    assert values["vote"] == {"word_weight": 2.0, "temperature": 0.1}
    assert (values["threshold"], values["samples"]) == (0.9, KNOTS_FROM)
    again = Calibrator.from_json(values)
    assert (again.vote, again.threshold, again.samples) == (fitted.vote, 0.9, KNOTS_FROM)
    assert again.highest == 0.93
    del values["highest"]  # as an older index has it
    assert Calibrator.from_json(values).highest == CERTAINTY[1]
    for name in ("knots", "weights"):
        assert getattr(again, name) == pytest.approx(getattr(fitted, name), abs=5.1e-9)
        assert getattr(again, name).dtype == np.float64
    assert values["weights"][0] == round(float(fitted.weights[0]), 8)


def test_whole_numbers_in_json_become_floats() -> None:
    values = calibrator({}).to_json()
    values["weights"] = [round(weight) for weight in values["weights"]]
    again = Calibrator.from_json(values)
    assert again.weights.dtype == np.float64


def test_only_takes_some_samples() -> None:
    some = samples(4)
    chosen = some.only(np.array([True, False, False, True]))
    assert chosen.group.tolist() == some.group[[0, 3]].tolist()
    assert chosen.features.shape == (2, len(FEATURES))
