"""Mantel's test against loops, and matrices whose correlation is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import spearmanr

from genome_index.lab.topology.mantel import mantel


def distances_of(size: int, seed: int, levels: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(size, 3))
    distances = cdist(rows, rows)
    return np.floor(distances * levels) / levels if levels else distances


def dull(a: np.ndarray, b: np.ndarray) -> float:
    pairs = [(i, j) for i in range(len(a)) for j in range(i)]
    return float(spearmanr([a[pair] for pair in pairs], [b[pair] for pair in pairs]).statistic)


@pytest.mark.parametrize("levels", [0, 3], ids=["no ties", "ties"])
def test_values_and_p_are_those_of_loops(levels: int) -> None:
    space, reference = distances_of(9, 0), distances_of(9, 4, levels)
    (found,) = mantel(space, [reference], permutations=99, seed=3)
    assert found.value == pytest.approx(dull(space, reference), abs=1e-6)
    draws, reached = np.random.default_rng(3), 1
    for _ in range(99):
        order = draws.permutation(9)
        reached += dull(space[np.ix_(order, order)], reference) >= dull(space, reference) - 1e-6
    assert found.p == pytest.approx(reached / 100)
    assert 0.1 < found.p < 0.9


def test_a_matrix_correlates_with_itself_and_with_what_grows_alike() -> None:
    space = distances_of(40, 1)
    for found in mantel(space, [space, space**3], permutations=19):
        assert found.value == pytest.approx(1, abs=1e-5)
        assert found.p == pytest.approx(1 / 20)


def test_matrices_by_chance_do_not_correlate() -> None:
    found = [mantel(distances_of(60, seed), [distances_of(60, 100 + seed)], 99)[0] for seed in range(8)]
    assert max(abs(each.value) for each in found) < 0.2
    assert 0.2 < np.mean([each.p for each in found]) < 0.8


def test_constant_distances_have_no_correlation() -> None:
    constant = 1 - np.eye(8)
    (found,) = mantel(constant, [distances_of(8, 0)], permutations=9)
    assert math.isnan(found.value)
    assert math.isnan(found.p)


def test_without_permutations_there_is_no_p() -> None:
    (found,) = mantel(distances_of(8, 0), [distances_of(8, 0)], permutations=0)
    assert (round(found.value, 5), math.isnan(found.p)) == (1.0, True)
