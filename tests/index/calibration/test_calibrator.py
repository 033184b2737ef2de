"""Calibrator: standardization, knots, limits of the probability, and its JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from helpers.handmade import calibrator

from genome_index.index.calibration.calibrator import (
    CERTAINTY,
    DEFAULT_THRESHOLD,
    KNOTS,
    KNOTS_FROM,
    Calibrator,
    Samples,
    fit_calibrator,
)
from genome_index.index.calibration.features import FEATURES
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
    return Samples(table, right, np.ones(count), np.zeros(count, bool), np.ones(count, bool), group)


def row(**values: float) -> np.ndarray:
    table = np.zeros((1, len(FEATURES)), np.float32)
    for name, value in values.items():
        table[0, FEATURES.index(name)] = value
    return table


@pytest.mark.parametrize(
    ("best", "expected"),
    [(0, 1 / (1 + np.exp(-0.5))), (1, 1 / (1 + np.exp(-2.5))), (-1, 1 / (1 + np.exp(1.5)))],
)
def test_probability_is_the_logistic_of_the_weighted_features(best: float, expected: float) -> None:
    fitted = calibrator({"best": 2.0}, intercept=0.5)
    assert fitted.probability(row(best=best)) == pytest.approx([expected])


def test_features_are_standardized_by_mean_and_scale() -> None:
    fitted = calibrator({"best": 1.0})
    fitted = replace(fitted, mean=fitted.mean + 10, scale=fitted.scale * 4)
    assert fitted.probability(row(best=14) * 1) == pytest.approx([1 / (1 + np.exp(-1))])


@pytest.mark.parametrize(("best", "logit"), [(100, 8 * 0.1), (8.5, 8 * 0.1), (7.9, 0.79), (-100, -0.8)])
def test_a_feature_counts_as_eight_deviations_at_most(best: float, logit: float) -> None:
    found = calibrator({"best": 0.1}).probability(row(best=best))
    assert found == pytest.approx([1 / (1 + np.exp(-logit))], abs=1e-6)


def test_nothing_is_surer_than_the_limits() -> None:
    fitted = calibrator({"best": 50.0})
    assert CERTAINTY == (0.005, 0.995)
    assert fitted.probability(row(best=1)).tolist() == [0.995]
    assert fitted.probability(row(best=-1)).tolist() == [0.005]


def test_a_hinge_changes_the_slope_at_its_knot() -> None:
    size = len(FEATURES)
    plain = calibrator({"best": 1.0})
    knots = np.tile([0.5, 2.0], (size, 1))
    hinges = np.zeros((size, 2))
    hinges[FEATURES.index("best")] = -0.25, 1.0
    bent = replace(plain, knots=knots, weights=np.concatenate([plain.weights, hinges.ravel()]))
    for best, logit in ((0.25, 0.25), (1.5, 1.5 - 0.25), (3.0, 3 - 0.25 * 2.5 + 1)):
        assert bent.probability(row(best=best)) == pytest.approx([1 / (1 + np.exp(-logit))], abs=1e-6)


def test_few_samples_have_no_knots() -> None:
    few, many = fit_calibrator(samples(KNOTS_FROM - 1), Vote()), fit_calibrator(samples(KNOTS_FROM), Vote())
    assert few.knots.shape == (len(FEATURES), 0)
    assert many.knots.shape == (len(FEATURES), len(KNOTS))
    assert (few.samples, many.samples) == (KNOTS_FROM - 1, KNOTS_FROM)
    assert many.weights.shape == (1 + len(FEATURES) * 6,)


def test_mean_scale_and_knots_are_those_of_the_samples() -> None:
    some = samples(KNOTS_FROM, seed=1)
    fitted = fit_calibrator(some, Vote(2.0, 0.1))
    table = some.features.astype(np.float64)
    assert fitted.mean == pytest.approx(table.mean(axis=0))
    assert fitted.scale[:-1] == pytest.approx(table.std(axis=0)[:-1])
    assert fitted.scale[-1] == 1  # of a constant
    standard = (table - table.mean(axis=0)) / fitted.scale
    assert fitted.knots == pytest.approx(np.quantile(standard, (0.1, 0.3, 0.5, 0.7, 0.9), axis=0).T, abs=1e-5)
    assert fitted.vote == Vote(2.0, 0.1)
    assert fitted.threshold == DEFAULT_THRESHOLD == 0.8


def test_coefficients_are_those_of_the_regression_on_standardized_features() -> None:
    some = replace(samples(60, seed=2), weight=np.linspace(0.5, 1.5, 60))
    fitted = fit_calibrator(some, Vote())
    table = some.features.astype(np.float64)
    scale = np.where(table.std(axis=0) > 1e-6, table.std(axis=0), 1)
    design = np.column_stack([np.ones(60), (table - table.mean(axis=0)) / scale])
    expected = fit_logistic(design, some.right.astype(float), some.weight)
    assert fitted.weights == pytest.approx(expected, abs=1e-5)
    assert fitted.probability(some.features) == pytest.approx(
        np.clip(1 / (1 + np.exp(-design @ expected)), 0.005, 0.995), abs=1e-5
    )


def test_probabilities_rank_the_samples() -> None:
    some = samples(800, seed=3)
    probability = fit_calibrator(some, Vote()).probability(some.features)
    assert probability[some.right].mean() > probability[~some.right].mean() + 0.3


def test_json_has_the_keys_of_format_1_and_round_trips() -> None:
    fitted = replace(fit_calibrator(samples(KNOTS_FROM), Vote(2.0, 0.1)), threshold=0.9)
    values = json.loads(json.dumps(fitted.to_json()))
    assert list(values) == ["vote", "mean", "scale", "knots", "weights", "threshold", "samples"]
    assert values["vote"] == {"word_weight": 2.0, "temperature": 0.1}
    assert (values["threshold"], values["samples"]) == (0.9, KNOTS_FROM)
    again = Calibrator.from_json(values)
    assert (again.vote, again.threshold, again.samples) == (fitted.vote, 0.9, KNOTS_FROM)
    for name in ("mean", "scale", "knots", "weights"):
        assert getattr(again, name) == pytest.approx(getattr(fitted, name), abs=5.1e-9)
        assert getattr(again, name).dtype == np.float64
    assert values["mean"][0] == round(float(fitted.mean[0]), 8)


def test_a_calibrator_without_knots_round_trips() -> None:
    plain = calibrator({"best": 1.0})
    again = Calibrator.from_json(json.loads(json.dumps(plain.to_json())))
    assert again.knots.shape == (len(FEATURES), 0)
    assert again.probability(row(best=1)) == plain.probability(row(best=1))


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
