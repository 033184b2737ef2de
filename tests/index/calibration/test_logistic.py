"""Ridge logistic regression, against scikit-learn's and SciPy's with the same penalty, prior and bounds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

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
    free = np.zeros(design.shape[1], bool)
    assert fit_logistic(design, right, weight, free) == pytest.approx(oracle.coef_[0] * scale, abs=1e-6)


def test_the_intercept_alone_is_the_log_odds_with_half_a_sample_on_either_side() -> None:
    ones = np.ones((4, 1))
    free = np.zeros(1, bool)
    found = fit_logistic(ones, np.array([1.0, 1, 1, 0]), np.ones(4), free)
    assert found == pytest.approx([np.log(3.5 / 1.5)], abs=2e-3)  # the intercept's own ridge is 0.001
    certain = fit_logistic(ones, np.ones(4), np.ones(4), free)
    assert certain == pytest.approx([np.log(4.5 / 0.5)], abs=3e-2)


def test_the_gradient_at_the_solution_vanishes() -> None:
    design, right, weight = made(50, 4, 7)
    found = fit_logistic(design, right, weight, np.zeros(5, bool))
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
    found = fit_logistic(design, right, np.full(6, 50.0), np.zeros(2, bool))
    assert np.isfinite(found).all()
    assert found[1] > 0


# -- coefficients that are at least zero ---------------------------------------------------------------------


def bounded(
    design: np.ndarray, right: np.ndarray, weight: np.ndarray, at_least_zero: np.ndarray
) -> np.ndarray:
    """The same by SciPy."""
    prior = np.zeros((2, design.shape[1]))
    prior[:, 0] = 1
    full, answers = np.concatenate([design, prior]), np.append(right, (0, 1))
    weights = np.append(weight, (0.5, 0.5))
    penalty = np.where(np.arange(design.shape[1]) == 0, INTERCEPT_RIDGE, RIDGE)

    def loss(coefficients: np.ndarray) -> tuple[float, np.ndarray]:
        logit = full @ coefficients
        misfit = weights @ (np.logaddexp(0, logit) - answers * logit)
        gradient = full.T @ (weights * (1 / (1 + np.exp(-logit)) - answers)) + penalty * coefficients
        return float(misfit + penalty @ coefficients**2 / 2), gradient

    found = minimize(
        loss,
        np.zeros(design.shape[1]),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0, None) if least else (None, None) for least in at_least_zero],
        options={"ftol": 1e-15, "gtol": 1e-9, "maxiter": 10_000, "maxfun": 100_000},
    )
    return np.asarray(found.x)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("samples", "features"), [(12, 3), (80, 5), (400, 23), (60, 30)])
def test_bounded_coefficients_are_those_of_scipy(samples: int, features: int, seed: int) -> None:
    design, right, weight = made(samples, features, seed)
    at_least_zero = np.random.default_rng(seed).random(features + 1) < 0.7
    at_least_zero[0] = False
    found = fit_logistic(design, right, weight, at_least_zero)
    assert found == pytest.approx(bounded(design, right, weight, at_least_zero), abs=1e-4)
    assert (found[at_least_zero] >= 0).all()


@pytest.mark.parametrize("seed", range(6))
def test_bounded_coefficients_of_ramps_are_those_of_scipy(seed: int) -> None:
    """Columns between 0 and 1 that rise together, as those of the calibrator do."""
    rng = np.random.default_rng(seed)
    value = rng.normal(size=(500, 3))
    knots = np.sort(rng.normal(size=(3, 7)))
    ramps = np.clip((value[:, :, None] - knots[:, :-1]) / np.diff(knots), 0, 1).reshape(500, 18)
    design = np.column_stack([np.ones(500), ramps])
    right = (rng.random(500) < 1 / (1 + np.exp(-2 * value[:, 0] + value[:, 1]))).astype(float)
    at_least_zero = np.append(False, np.ones(18, bool))
    weight = rng.uniform(0.2, 2, 500)
    found = fit_logistic(design, right, weight, at_least_zero)
    assert found == pytest.approx(bounded(design, right, weight, at_least_zero), abs=1e-4)
    assert (found[7:13] == 0).all()  # the second value speaks against: its ramps are flat


@pytest.mark.parametrize("seed", range(20))
def test_the_gradient_at_a_bounded_solution_vanishes_or_points_beyond_the_bound(seed: int) -> None:
    design, right, weight = made(300, 18, seed)
    at_least_zero = np.append(False, np.ones(18, bool))
    found = fit_logistic(design, right, weight, at_least_zero)
    probability = 1 / (1 + np.exp(-design @ found))
    gradient = design.T @ (weight * (probability - right)) + np.append(INTERCEPT_RIDGE, np.ones(18)) * found
    gradient[0] += 0.5 / (1 + np.exp(-found[0])) - 0.5 / (1 + np.exp(found[0]))  # the prior's two samples
    bound = at_least_zero & (found == 0)
    assert 0 < bound.sum() < 18
    assert gradient[~bound] == pytest.approx(0, abs=1e-4)
    assert (gradient[bound] >= 0).all()


def test_a_bound_that_does_not_bind_changes_nothing() -> None:
    design, right, weight = made(80, 5, 1)
    free = fit_logistic(design, right, weight, np.zeros(6, bool))
    assert fit_logistic(design, right, weight, free > 0) == pytest.approx(free, abs=1e-6)


def test_a_column_that_speaks_against_a_bounded_one_is_left_out() -> None:
    table = np.array([-2.0, -1, 1, 2])
    design, right = np.column_stack([np.ones(4), table]), np.array([1.0, 1, 0, 0])
    assert fit_logistic(design, right, np.ones(4), np.array([False, True])) == pytest.approx([0, 0], abs=1e-9)
    assert fit_logistic(design, right, np.ones(4), np.array([False, False]))[1] < -0.5
