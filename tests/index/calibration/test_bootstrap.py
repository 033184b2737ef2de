"""Bootstrap intervals, whose species are redrawn whole."""

from __future__ import annotations

import numpy as np
import pytest

from genome_index.index.calibration import bootstrap
from genome_index.index.calibration.bootstrap import interval


def test_without_variation_the_interval_is_the_mean() -> None:
    assert interval(np.full(6, 0.5), np.array([1, 1, 2, 2, 3, 3])) == (0.5, 0.5)
    assert interval(np.array([0.0, 1.0]), np.array([4, 4])) == (0.5, 0.5)  # one species is redrawn whole


def test_the_interval_is_that_of_draws_one_by_one() -> None:
    rng = np.random.default_rng(0)
    values, species = rng.random(40), rng.integers(0, 14, 40) * 3
    groups = [values[species == code] for code in np.unique(species)]
    generator = np.random.default_rng(3)
    means = []
    for _ in range(bootstrap.DRAWS):
        drawn = np.concatenate([groups[i] for i in generator.integers(len(groups), size=(1, len(groups)))[0]])
        means.append(drawn.mean())
    expected = tuple(np.quantile(means, (0.025, 0.975)))
    assert interval(values, species, seed=3) == pytest.approx(expected)


def test_the_seed_and_the_number_of_draws_count() -> None:
    values, species = np.random.default_rng(1).random(50), np.arange(50)
    assert interval(values, species) == interval(values, species, 0, 1000)
    assert interval(values, species) != interval(values, species, 3)
    assert interval(values, species) != interval(values, species, 0, 500)


@pytest.mark.parametrize("cells", [1, 7, 35, 1 << 20])
def test_the_interval_does_not_depend_on_the_memory_it_takes(
    cells: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    values, species = np.arange(20) % 3 / 2, np.arange(20) // 4
    expected = interval(values, species)
    monkeypatch.setattr(bootstrap, "CELLS", cells)
    assert interval(values, species) == expected
