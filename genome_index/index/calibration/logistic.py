"""Ridge logistic regression by Newton's method, with a prior of one sample that is half right.

Some coefficients may be kept from falling below zero, so that the probability never falls where their columns
rise: the projected Newton method of Bertsekas (1982).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

RIDGE = 1.0  # penalty on each coefficient: that of one sample
INTERCEPT_RIDGE = 1e-3
STEPS = 100  # of Newton's method
HALVINGS = 20  # of a step that does not lower the loss
TOLERANCE = 1e-10  # of the loss, relative; a step that meets a bound may lower it little
MOST_LOGIT = 30.0  # beyond, a probability is 0 or 1 in double precision


def fit_logistic(design: Doubles, right: Doubles, weight: Doubles, at_least_zero: Flags) -> Doubles:
    """Coefficients of a regression: design (S, P), right (S,) as 0 or 1, weight (S,) -> (P,).

    The first column of `design` is the intercept, all ones. The coefficients minimize the weighted negative
    log-likelihood plus half the sum of penalty times squared coefficient; those of the columns
    `at_least_zero` (P,) are at least 0.
    """
    design, right, weight = _with_prior(design, right, weight)
    penalty = np.full(design.shape[1], RIDGE)
    penalty[0] = INTERCEPT_RIDGE
    coefficients = np.zeros(design.shape[1])
    loss = _loss(design, right, weight, coefficients, penalty)
    for _ in range(STEPS):
        step = _newton_step(design, right, weight, coefficients, penalty, at_least_zero)
        for _ in range(HALVINGS):
            moved = np.where(at_least_zero, np.maximum(coefficients - step, 0), coefficients - step)
            next_loss = _loss(design, right, weight, moved, penalty)
            if next_loss <= loss:
                break
            step = step / 2
        coefficients = moved
        if loss - next_loss < TOLERANCE * max(1.0, abs(loss)):
            break
        loss = next_loss
    return coefficients


def _with_prior(design: Doubles, right: Doubles, weight: Doubles) -> tuple[Doubles, Doubles, Doubles]:
    """Add half a right and half a wrong sample where all features are zero, Jeffreys' prior.

    Without it, samples that are all right would make every answer certain.
    """
    zero = np.zeros((2, design.shape[1]))
    zero[:, 0] = 1
    return np.concatenate([design, zero]), np.append(right, (0.0, 1.0)), np.append(weight, (0.5, 0.5))


def _newton_step(
    design: Doubles, right: Doubles, weight: Doubles, coefficients: Doubles, penalty: Doubles,
    at_least_zero: Flags,
) -> Doubles:  # fmt: skip
    """The step of the coefficients that are free; those at zero that would fall below it stay."""
    probability = 1 / (1 + np.exp(-_logit(design, coefficients)))
    gradient = design.T @ (weight * (probability - right)) + penalty * coefficients
    free = ~(at_least_zero & (coefficients <= 0) & (gradient > 0))
    curvature = weight * probability * (1 - probability)
    hessian = (design * curvature[:, None]).T @ design + np.diag(penalty)
    step = np.zeros_like(coefficients)
    step[free] = np.linalg.solve(hessian[np.ix_(free, free)], gradient[free])
    return step


def _loss(design: Doubles, right: Doubles, weight: Doubles, coefficients: Doubles, penalty: Doubles) -> float:
    logit = _logit(design, coefficients)
    misfit = (weight * (np.logaddexp(0, logit) - right * logit)).sum()
    return float(misfit + 0.5 * (penalty * coefficients**2).sum())


def _logit(design: Doubles, coefficients: Doubles) -> Doubles:
    return np.clip(design @ coefficients, -MOST_LOGIT, MOST_LOGIT)
