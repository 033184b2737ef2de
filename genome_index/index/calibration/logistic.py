"""Ridge logistic regression by Newton's method, with a prior of one sample that is half right."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]

RIDGE = 1.0  # penalty on each coefficient: that of one sample
INTERCEPT_RIDGE = 1e-3
STEPS = 50  # of Newton's method
HALVINGS = 20  # of a step that does not lower the loss
TOLERANCE = 1e-7  # of the loss, relative
MOST_LOGIT = 30.0  # beyond, a probability is 0 or 1 in double precision


def fit_logistic(design: Doubles, right: Doubles, weight: Doubles) -> Doubles:
    """Coefficients of a regression: design (S, P), right (S,) as 0 or 1, weight (S,) -> (P,).

    The first column of `design` is the intercept, all ones. The coefficients minimize the weighted negative
    log-likelihood plus half the sum of penalty times squared coefficient.
    """
    design, right, weight = _with_prior(design, right, weight)
    penalty = np.full(design.shape[1], RIDGE)
    penalty[0] = INTERCEPT_RIDGE
    coefficients = np.zeros(design.shape[1])
    loss = _loss(design, right, weight, coefficients, penalty)
    for _ in range(STEPS):
        step = _newton_step(design, right, weight, coefficients, penalty)
        for _ in range(HALVINGS):
            next_loss = _loss(design, right, weight, coefficients - step, penalty)
            if next_loss <= loss:
                break
            step = step / 2
        coefficients = coefficients - step
        if loss - next_loss < TOLERANCE * max(1.0, abs(loss)):
            break
        loss = next_loss
    return coefficients


def _with_prior(design: Doubles, right: Doubles, weight: Doubles) -> tuple[Doubles, Doubles, Doubles]:
    """Add half a right and half a wrong sample at the mean of all features, Jeffreys' prior.

    Without it, samples that are all right would make every answer certain.
    """
    mean = np.zeros((2, design.shape[1]))
    mean[:, 0] = 1
    return np.concatenate([design, mean]), np.append(right, (0.0, 1.0)), np.append(weight, (0.5, 0.5))


def _newton_step(
    design: Doubles, right: Doubles, weight: Doubles, coefficients: Doubles, penalty: Doubles
) -> Doubles:
    probability = 1 / (1 + np.exp(-_logit(design, coefficients)))
    gradient = design.T @ (weight * (probability - right)) + penalty * coefficients
    curvature = weight * probability * (1 - probability)
    hessian = (design * curvature[:, None]).T @ design + np.diag(penalty)
    return np.asarray(np.linalg.solve(hessian, gradient), np.float64)


def _loss(design: Doubles, right: Doubles, weight: Doubles, coefficients: Doubles, penalty: Doubles) -> float:
    logit = _logit(design, coefficients)
    misfit = (weight * (np.logaddexp(0, logit) - right * logit)).sum()
    return float(misfit + 0.5 * (penalty * coefficients**2).sum())


def _logit(design: Doubles, coefficients: Doubles) -> Doubles:
    return np.clip(design @ coefficients, -MOST_LOGIT, MOST_LOGIT)
