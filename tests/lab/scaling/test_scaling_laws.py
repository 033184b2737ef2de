"""Scaling laws: optima against a dull search, fits against known laws, intervals, what supports no law."""

from __future__ import annotations

import numpy as np
import pytest

from genome_index.errors import UsageError
from genome_index.lab.scaling.fit import Runs, fit_huber, fit_law, fit_of_excess, fit_with_intervals
from genome_index.lab.scaling.law import ScalingLaw

CHINCHILLA = ScalingLaw(1.69, 406.4, 410.7, 0.34, 0.28)  # Hoffmann et al. 2022
REPLICATION = ScalingLaw(1.8172, 482.01, 2085.43, 0.3478, 0.3658)  # Besiroglu et al. 2024, arXiv 2404.10102
DNA = ScalingLaw(1.25, 3.0, 8.0, 0.35, 0.3)  # nats a base, as small as networks of nucleotides make them


def runs_of(law: ScalingLaw, noise: float = 0.0, seed: int = 0, scale: float = 1.0) -> Runs:
    """Five sizes at five budgets."""
    sizes = np.repeat(scale * 10.0 ** np.linspace(6, 9, 5), 5)
    budgets = np.tile(scale**2 * 10.0 ** np.linspace(17, 21, 5), 5)
    tokens = budgets / 6 / sizes
    relative = np.random.default_rng(seed).normal(0, noise, len(sizes))
    return Runs(sizes, tokens, law.loss(sizes, tokens) * (1 + relative))


def test_published_powers_of_the_budget() -> None:
    assert CHINCHILLA.size_share == pytest.approx(0.452, abs=1e-3)
    assert REPLICATION.size_share == pytest.approx(0.513, abs=1e-3)


@pytest.mark.parametrize("law", [CHINCHILLA, REPLICATION, DNA])
def test_the_optimum_is_the_lowest_of_a_dull_search(law: ScalingLaw) -> None:
    best = law.optimum(1e20)
    sizes = np.geomspace(best.parameters / 100, best.parameters * 100, 20_001)
    losses = law.loss(sizes, 1e20 / 6 / sizes)
    assert best.parameters * best.tokens == pytest.approx(1e20 / 6)
    assert sizes[losses.argmin()] == pytest.approx(best.parameters, rel=2e-3)
    assert losses.min() == pytest.approx(best.loss)


@pytest.mark.parametrize("law", [CHINCHILLA, REPLICATION, DNA])
def test_a_law_without_noise_is_found(law: ScalingLaw) -> None:
    found = fit_law(runs_of(law))
    assert found.size_power == pytest.approx(law.size_power, rel=1e-2)
    assert found.data_power == pytest.approx(law.data_power, rel=1e-2)
    assert found.floor == pytest.approx(law.floor, rel=1e-2)


def test_a_law_with_noise_is_found_as_well_as_by_the_published_way() -> None:
    runs = runs_of(CHINCHILLA, noise=0.002)
    found, other = fit_law(runs), fit_huber(runs)
    for law in (found, other):
        assert law.optimum(1e21).loss == pytest.approx(CHINCHILLA.optimum(1e21).loss, rel=0.01)
    apart = [
        np.abs(np.log(law.loss(runs.parameters, runs.tokens) / runs.losses)).mean() for law in (found, other)
    ]
    assert apart[0] < 1.1 * apart[1]


def test_a_law_of_the_excess_is_found_as_a_law_of_losses() -> None:
    found = fit_of_excess(runs_of(DNA), 1.1, samples=5)
    assert found is not None
    assert found.law.floor == pytest.approx(DNA.floor, rel=1e-2)
    assert found.law.size_power == pytest.approx(DNA.size_power, rel=1e-2)
    low, high = found.of(lambda law: law.floor)
    assert low == pytest.approx(DNA.floor, rel=2e-2)
    assert high == pytest.approx(DNA.floor, rel=2e-2)
    assert fit_of_excess(runs_of(DNA), 1.5) is None  # some run has less


def test_intervals_hold_the_truth() -> None:
    """In 20 sets of runs, the interval of the forecast holds the true loss in most."""
    held = 0
    for seed in range(20):
        fit = fit_with_intervals(runs_of(CHINCHILLA, noise=0.002, seed=seed), samples=20, seed=seed)
        low, high = fit.of(lambda law: law.optimum(1e22).loss)
        held += low <= CHINCHILLA.optimum(1e22).loss <= high
    assert held >= 13  # 20 samples make intervals of some 85 %


def test_what_supports_no_law() -> None:
    sizes = np.repeat([1e6, 1e7], 4)
    tokens = np.tile([1e8, 1e9, 1e10, 1e11], 2)
    with pytest.raises(UsageError, match="runs of 2 sizes and 5 budgets support no scaling law; give 3"):
        fit_law(Runs(sizes, tokens, CHINCHILLA.loss(sizes, tokens)))
    sizes = np.array([1e6, 1e7, 1e8])
    with pytest.raises(UsageError, match="runs of 3 sizes and 1 budgets support no scaling law"):
        fit_law(Runs(sizes, 1e15 / sizes, np.ones(3)))


def test_a_law_without_an_effect_of_size_has_no_optimum() -> None:
    with pytest.raises(UsageError, match="the runs show no effect of the size on the loss, so no size is"):
        ScalingLaw(1.0, 0.0, 1.0, 0.3, 0.3).optimum(1e20)
    with pytest.raises(UsageError, match="the runs show no effect of the data on the loss, so no size is"):
        ScalingLaw(1.0, 1.0, 0.0, 0.3, 0.3).optimum(1e20)


def test_runs_that_size_makes_worse_have_no_intervals() -> None:
    sizes = np.repeat([1e6, 1e7, 1e8], 3)
    tokens = np.tile([1e8, 1e9, 1e10], 3)
    losses = 1 + 8 * tokens**-0.3 + 0.01 * np.log10(sizes)
    with pytest.raises(UsageError, match="only 0 of 40 draws of the runs support a scaling law; run more"):
        fit_with_intervals(Runs(sizes, tokens, losses), samples=2)
