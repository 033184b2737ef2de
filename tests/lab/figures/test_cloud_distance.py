"""Distances of clouds: against loops of their formulas, and questions whose answer is known."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genome_index.errors import UsageError
from genome_index.lab.figures import cloud_distance
from genome_index.lab.figures.cloud_distance import (
    classifier_test,
    distance_between,
    frechet_distance,
    gaussian_kernel,
    mmd_test,
    wilson_interval,
)
from genome_index.lab.figures.windows import Cloud, generated_counts, kmer_counts

Points = npt.NDArray[np.float64]


def points(number: int, seed: int, shift: float = 0.0) -> Points:
    return np.random.default_rng(seed).normal(shift, 1, (number, 6))


def uniform(number: int, seed: int, shares: tuple[float, ...] = (0.25, 0.25, 0.25, 0.25)) -> Cloud:
    """Windows whose bases are drawn by themselves."""
    counts = generated_counts(lambda prefixes: np.tile(shares, (len(prefixes), 1)), number, 128, seed)
    return Cloud(f"of seed {seed}", "Markov", counts)


def test_mmd_is_the_formula_pair_by_pair() -> None:
    one, two = points(7, 0), points(9, 1, 0.5)
    kernel = gaussian_kernel(np.concatenate([one, two]))
    both = np.concatenate([one, two])
    median = np.median([np.linalg.norm(both[a] - both[b]) for a in range(16) for b in range(a)])
    assert kernel[0, 3] == pytest.approx(math.exp(-np.sum((both[0] - both[3]) ** 2) / (2 * median**2)))
    own = np.mean([kernel[a, b] for a in range(7) for b in range(7) if a != b])
    theirs = np.mean([kernel[a, b] for a in range(7, 16) for b in range(7, 16) if a != b])
    between = np.mean([kernel[a, b] for a in range(7) for b in range(7, 16)])
    assert mmd_test(one, two)[0] == pytest.approx(own + theirs - 2 * between)


def test_frechet_is_the_formula_with_scipys_root() -> None:
    from scipy.linalg import sqrtm

    one, two = points(50, 0), 2 * points(60, 1, 0.5)
    own, theirs = np.cov(one, rowvar=False), np.cov(two, rowvar=False)
    squared = np.sum((one.mean(0) - two.mean(0)) ** 2) + np.trace(own + theirs - 2 * sqrtm(own @ theirs).real)
    assert frechet_distance(one, two) == pytest.approx(math.sqrt(squared))
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-6)
    moved = one + np.eye(6)[0] * 3
    assert frechet_distance(one, moved) == pytest.approx(3)


def test_the_p_of_one_distribution_is_uniform() -> None:
    """Of 40 pairs of clouds of one distribution, few are told apart."""
    ps = [mmd_test(points(30, 2 * seed), points(30, 2 * seed + 1), seed)[1] for seed in range(40)]
    assert sum(p <= 0.05 for p in ps) <= 6
    assert 0.3 < np.mean(ps) < 0.7


def test_other_composition_is_told_and_the_same_is_not() -> None:
    far = distance_between(uniform(60, 0), uniform(60, 1, (0.4, 0.1, 0.1, 0.4)))
    same = distance_between(uniform(60, 0), uniform(60, 1))
    assert far.p == 0.001
    assert far.interval[0] > 0.8
    assert same.p > 0.05
    assert same.interval[0] < 0.5 < same.interval[1] + 0.05
    assert far.frechet > 2 * same.frechet


def test_a_cloud_beside_itself() -> None:
    """The same windows are closer than chance makes others: the estimate is below 0, and p is 1."""
    squared, p = mmd_test(points(30, 0), points(30, 0))
    assert squared < 0
    assert p > 0.9


def test_one_window_again_and_again_is_told() -> None:
    repeated = Cloud("one", "network", np.repeat(uniform(1, 5).counts, 40, axis=0))
    assert distance_between(uniform(40, 0), repeated).p == 0.001


def test_a_classifier_is_asked_about_what_it_was_not_fitted_on() -> None:
    assert classifier_test(points(40, 0), points(60, 1, 5.0)) == (40, 40)
    right, asked = classifier_test(points(400, 0), points(400, 1))
    low, high = wilson_interval(right, asked)
    assert low < 0.5 < high


def test_wilsons_interval() -> None:
    """Values of statsmodels' proportion_confint(method="wilson")."""
    assert wilson_interval(8, 10) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))
    assert wilson_interval(0, 10)[0] == 0
    assert wilson_interval(100, 100)[1] == 1


def test_few_windows_are_refused() -> None:
    with pytest.raises(UsageError, match="5 windows of of seed 0 and of seed 1: give --windows 20 or more"):
        distance_between(uniform(5, 0), uniform(30, 1))


def test_counts_of_kmers_are_those_of_a_loop() -> None:
    windows = np.random.default_rng(0).integers(0, 4, (3, 20)).astype(np.uint8)
    counts = kmer_counts(windows)
    for row, window in enumerate(windows):
        expected = np.zeros(256, int)
        for at in range(17):
            expected[int("".join(map(str, window[at : at + 4])), 4)] += 1
        assert (counts[row] == expected).all()


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**32 - 1), one=st.integers(5, 12), two=st.integers(5, 12))
def test_distances_are_the_same_both_ways_and_in_any_order(seed: int, one: int, two: int) -> None:
    first, second = points(one, seed), points(two, seed + 1, 0.5)
    shuffled = first[np.random.default_rng(seed).permutation(one)]
    for distance in (lambda a, b: mmd_test(a, b)[0], frechet_distance):
        assert distance(second, first) == pytest.approx(distance(first, second), abs=1e-6)
        assert distance(shuffled, second) == pytest.approx(distance(first, second), abs=1e-6)


def test_permutations_are_those_of_a_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """p counts the labels as they are, and those as far apart."""
    monkeypatch.setattr(cloud_distance, "PERMUTATIONS", 19)
    first, second = points(6, 0), points(5, 1, 1.0)
    both = np.concatenate([first, second])
    kernel, draws = gaussian_kernel(both), np.random.default_rng(3)

    def squared(chosen: npt.NDArray[np.bool_]) -> float:
        own, other = np.flatnonzero(chosen), np.flatnonzero(~chosen)
        within = sum(kernel[a, b] for a in own for b in own if a != b) / (6 * 5)
        beyond = sum(kernel[a, b] for a in other for b in other if a != b) / (5 * 4)
        return float(within + beyond - 2 * sum(kernel[a, b] for a in own for b in other) / (6 * 5))

    labels = np.arange(11) < 6
    values = [squared(labels), *(squared(draws.permutation(labels)) for _ in range(19))]
    assert mmd_test(first, second, seed=3)[1] == sum(value >= values[0] - 1e-12 for value in values) / 20
