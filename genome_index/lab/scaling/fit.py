"""Fits of a scaling law to runs, by two ways, with intervals by bootstrap.

    projection   for given powers the law is linear in E, A and B, which non-negative least squares finds;
                 the two powers are searched on a grid, then by Nelder and Mead. Residuals are relative
    huber        as in Hoffmann et al. 2022, appendix D.3: Huber's loss of the difference of logarithms, by
                 L-BFGS from a grid of starts

The first is the one to use; it is faster by two orders and finds a known law as well or better.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from genome_index.errors import UsageError
from genome_index.lab.scaling.law import OPERATIONS, Floats, ScalingLaw

LEAST = 3  # different sizes, and different budgets of operations, that a law is fitted to
POWERS = np.arange(0.05, 1.51, 0.05)
STEEPEST = 3.0  # power; runs that support no power at all would give any
HUBER = 1e-3  # beyond this difference of logarithms the loss grows linearly
TERMS, FLOORS, STARTS = (
    (0.0, 5.0, 10.0, 15.0, 20.0),
    (-1.0, 0.0, 1.0),
    (0.2, 0.5, 1.0),
)  # log A, log E, powers
LOWEST, HIGHEST = 2.5, 97.5  # percentiles of a 95 % interval
MOST_DRAWS = 20  # of runs, for each law that an interval needs
SAME_BUDGET = 0.1  # budgets closer than this, as a difference of logarithms, are one


@dataclass(frozen=True)
class Runs:
    """Finished trainings: (R,) each."""

    parameters: Floats
    tokens: Floats
    losses: Floats

    def chosen(self, rows: np.ndarray) -> Runs:
        return Runs(self.parameters[rows], self.tokens[rows], self.losses[rows])


@dataclass(frozen=True)
class Interval:
    """A fitted law with the laws of resampled runs."""

    law: ScalingLaw
    resampled: tuple[ScalingLaw, ...]

    def of(self, value: Callable[[ScalingLaw], float]) -> tuple[float, float]:
        """The 95 % interval of a number that follows from a law."""
        low, high = np.percentile([value(law) for law in self.resampled], [LOWEST, HIGHEST])
        return float(low), float(high)


def fit_law(runs: Runs) -> ScalingLaw:
    """The law by variable projection.

    Raises
    ------
    UsageError
        There are fewer than three sizes or budgets, which support no such law.
    """
    from scipy.optimize import minimize

    _check(runs)
    start = min(product(POWERS, POWERS), key=lambda powers: _projected(runs, powers)[1])
    options = {"xatol": 1e-6, "fatol": 1e-15, "maxiter": 2_000}
    found = minimize(_residual, start, (runs,), method="Nelder-Mead", options=options)
    floor, size_term, data_term = _projected(runs, found.x)[0]
    return ScalingLaw(float(floor), float(size_term), float(data_term), float(found.x[0]), float(found.x[1]))


def fit_with_intervals(runs: Runs, samples: int = 200, seed: int = 0) -> Interval:
    """The law, and those of runs drawn with replacement.

    Draws that support no law, or show no effect of size or data, are drawn again.

    Raises
    ------
    UsageError
        All runs together, or nearly all draws, support no law.
    """
    law, draws = fit_law(runs), np.random.default_rng(seed)
    resampled: list[ScalingLaw] = []
    for _ in range(MOST_DRAWS * samples):
        drawn = runs.chosen(draws.integers(len(runs.losses), size=len(runs.losses)))
        if _is_supported(drawn) and (fitted := fit_law(drawn)).has_optimum:
            resampled.append(fitted)
        if len(resampled) == samples:
            return Interval(law, tuple(resampled))
    raise UsageError(
        f"only {len(resampled)} of {MOST_DRAWS * samples} draws of the runs support a scaling law; run more"
    )


def fit_of_excess(runs: Runs, baseline: float, samples: int = 200, seed: int = 0) -> Interval | None:
    """The law of what losses exceed a baseline's loss by, with the baseline added to E again.

    None where a run is as good as the baseline: there is no excess then.

    Raises
    ------
    UsageError
    """
    if runs.losses.min() <= baseline:
        return None
    fit = fit_with_intervals(replace(runs, losses=runs.losses - baseline), samples, seed)
    above = (replace(law, floor=law.floor + baseline) for law in (fit.law, *fit.resampled))
    return Interval(next(above), tuple(above))


def fit_huber(runs: Runs) -> ScalingLaw:
    """The law by the published way, from 675 starts: slow, and here to hold the other way against.

    Raises
    ------
    UsageError
    """
    from scipy.optimize import minimize

    _check(runs)
    starts = product(
        (0.0, 5.0, 10.0, 15.0, 20.0),
        (0.0, 5.0, 10.0, 15.0, 20.0),
        (-1.0, 0.0, 1.0),
        (0.2, 0.5, 1.0),
        (0.2, 0.5, 1.0),
    )
    fits = (minimize(_huber_loss, start, (runs,), method="L-BFGS-B") for start in starts)
    a, b, e, alpha, beta = min(fits, key=lambda fit: float(fit.fun)).x
    return ScalingLaw(float(np.exp(e)), float(np.exp(a)), float(np.exp(b)), float(alpha), float(beta))


def _projected(runs: Runs, powers: tuple[float, float] | Floats) -> tuple[Floats, float]:
    """E, A and B for given powers, and the sum of the squares of relative residuals."""
    from scipy.optimize import nnls

    terms = [np.ones_like(runs.losses), runs.parameters ** -powers[0], runs.tokens ** -powers[1]]
    scales = np.array([term.max() for term in terms])
    columns = np.stack(terms, axis=1) / scales / runs.losses[:, None]
    found, residual = nnls(columns, np.ones_like(runs.losses))
    return found / scales, float(residual**2)


def _residual(powers: Floats, runs: Runs) -> float:
    """The sum of squares for powers above 0, up to the steepest that is looked for."""
    return _projected(runs, powers)[1] if min(powers) > 0 and max(powers) <= STEEPEST else np.inf


def _huber_loss(values: Floats, runs: Runs) -> float:
    a, b, e, alpha, beta = values
    terms = (
        a - alpha * np.log(runs.parameters),
        b - beta * np.log(runs.tokens),
        np.full(len(runs.losses), e),
    )
    apart = np.abs(np.logaddexp.reduce(terms) - np.log(runs.losses))
    return float(np.where(apart <= HUBER, apart**2 / 2, HUBER * (apart - HUBER / 2)).sum())


def _check(runs: Runs) -> None:
    if not _is_supported(runs):
        sizes, budgets = _counted(runs)
        raise UsageError(
            f"runs of {sizes} sizes and {budgets} budgets support no scaling law; "
            f"give {LEAST} of each at least"
        )


def _is_supported(runs: Runs) -> bool:
    return min(_counted(runs)) >= LEAST


def _counted(runs: Runs) -> tuple[int, int]:
    """Different sizes, and budgets that are apart."""
    budgets = np.sort(np.log(OPERATIONS * runs.parameters * runs.tokens))
    return len(np.unique(runs.parameters)), int((np.diff(budgets) > SAME_BUDGET).sum()) + 1
