"""Ridge logistic regression, against scikit-learn's with the same penalty and prior."""

from __future__ import annotations

import numpy as np
import pytest

from genome_index.index.calibration.logistic import INTERCEPT_RIDGE, RIDGE, fit_logistic


def made(samples: int, features: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Design with a column of ones, answers that depend on it, and weights."""
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(samples, features))
    logit = table @ rng.normal(size=features) + 0.5
    right = (rng.random(samples) < 1 / (1 + np.exp(-logit))).astype(float)
    return np.column_stack([np.ones(samples), table]), right, rng.uniform(0.2, 2, samples)


@pytest.mark.parametrize(("samples", "features", "seed"), [(12, 3, 0), (80, 5, 1), (400, 23, 2), (60, 30, 3)])
def test_coefficients_are_those_of_scikit_learn(samples: int, features: int, seed: int) -> None:
    linear_model = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is not installed")
    design, right, weight = made(samples, features, seed)
    # scikit-learn penalizes the intercept column too if it is one of the features: scaled so that the same
    # ridge is INTERCEPT_RIDGE for it. Jeffreys' prior is two samples of weight a half.
    scale = np.ones(design.shape[1])
    scale[0] = (RIDGE / INTERCEPT_RIDGE) ** 0.5
    prior = np.zeros((2, design.shape[1]))
    prior[:, 0] = 1
    oracle = linear_model.LogisticRegression(
        C=1 / RIDGE, fit_intercept=False, tol=1e-12, solver="newton-cholesky"
    )
    oracle.fit(
        np.concatenate([design, prior]) * scale,
        np.append(right, (0, 1)),
        np.append(weight, (0.5, 0.5)),
    )
    assert fit_logistic(design, right, weight) == pytest.approx(oracle.coef_[0] * scale, abs=1e-6)


def test_the_intercept_alone_is_the_log_odds_with_half_a_sample_on_either_side() -> None:
    ones = np.ones((4, 1))
    found = fit_logistic(ones, np.array([1.0, 1, 1, 0]), np.ones(4))
    assert found == pytest.approx([np.log(3.5 / 1.5)], abs=2e-3)  # the intercept's own ridge is 0.001
    certain = fit_logistic(ones, np.ones(4), np.ones(4))
    assert certain == pytest.approx([np.log(4.5 / 0.5)], abs=3e-2)


def test_the_gradient_at_the_solution_vanishes() -> None:
    design, right, weight = made(50, 4, 7)
    found = fit_logistic(design, right, weight)
    prior = np.zeros((2, 5))
    prior[:, 0] = 1
    full, answers = np.concatenate([design, prior]), np.append(right, (0, 1))
    weights, penalty = np.append(weight, (0.5, 0.5)), np.array([1e-3, 1, 1, 1, 1])
    probability = 1 / (1 + np.exp(-full @ found))
    assert full.T @ (weights * (probability - answers)) + penalty * found == pytest.approx(0, abs=1e-4)


def test_a_step_that_raises_the_loss_is_halved() -> None:
    """Features of very different size make the first full step overshoot."""
    design = np.column_stack([np.ones(6), np.array([1e4, 1e-3, -50, 3, -2e4, 7])])
    right = np.array([1.0, 0, 0, 1, 0, 1])
    found = fit_logistic(design, right, np.full(6, 50.0))
    assert np.isfinite(found).all()
    assert found[1] > 0
