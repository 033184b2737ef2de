"""Neighbours kept: scikit-learn without ties, all ways to break ties with them, and spaces that are known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from genome_index.lab.topology.neighbours import (
    Order,
    continuity,
    has_neighbours,
    kept,
    trustworthiness,
)

manifold = pytest.importorskip("sklearn.manifold", reason="the extra neural is not installed")


def points(size: int, width: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(size, width))


def order_of(rows: np.ndarray) -> Order:
    return Order.of(cdist(rows, rows))


@settings(deadline=None, max_examples=25)
@given(st.integers(7, 40), st.integers(1, 3), st.integers(0, 99))
def test_without_ties_they_are_those_of_scikit_learn(size: int, k: int, seed: int) -> None:
    high, low = points(size, 5, seed), points(size, 2, seed + 100)
    space, reference = order_of(low), order_of(high)
    assert trustworthiness(space, reference, k).mean() == pytest.approx(
        manifold.trustworthiness(high, low, n_neighbors=k)
    )
    assert continuity(space, reference, k).mean() == pytest.approx(
        manifold.trustworthiness(low, high, n_neighbors=k)
    )
    near = [np.argsort(cdist(rows, rows), axis=1)[:, 1 : k + 1] for rows in (low, high)]
    shares = [len(set(a) & set(b)) / k for a, b in zip(*(each.tolist() for each in near), strict=True)]
    assert kept(space, reference, k).tolist() == pytest.approx(shares)


def all_orders(row: list[float], own: int) -> list[list[int]]:
    """Every order of the others by distance, ties broken in every way."""
    others = [at for at in range(len(row)) if at != own]
    return [
        list(order)
        for order in itertools.permutations(others)
        if all(row[a] <= row[b] for a, b in itertools.pairwise(order))
    ]


@settings(deadline=None, max_examples=15)
@given(st.lists(st.integers(0, 3), min_size=30, max_size=30), st.integers(1, 2))
def test_ties_have_the_mean_of_all_ways_to_break_them(numbers: list[int], k: int) -> None:
    upper = np.triu_indices(6, 1)
    matrices = []
    for part in (numbers[:15], numbers[15:]):
        matrix = np.zeros((6, 6))
        matrix[upper] = part
        matrices.append(matrix + matrix.T)
    space, reference = matrices
    trusted = trustworthiness(Order.of(space), Order.of(reference), k)
    continuous = continuity(Order.of(space), Order.of(reference), k)
    shares = kept(Order.of(space), Order.of(reference), k)
    for own in range(6):
        ways, own_ways = (all_orders(matrix[own].tolist(), own) for matrix in (reference, space))
        edge = sorted(reference[own, at] for at in range(6) if at != own)[k - 1]
        excess, inside = [], []
        for order in own_ways:
            beyond = [at for at in order[:k] if reference[own, at] > edge]
            excess.append(sum(np.mean([way.index(at) + 1 - k for way in ways]) for at in beyond))
            inside.append(k - len(beyond))
        assert trusted[own] == pytest.approx(1 - 2 * np.mean(excess) / (k * (12 - 3 * k - 1)))
        missed = [max(0, order.index(at) + 1 - k) for way in ways for at in way[:k] for order in own_ways]
        assert continuous[own] == pytest.approx(1 - 2 * k * np.mean(missed) / (k * (12 - 3 * k - 1)))
        assert shares[own] == pytest.approx(np.mean(inside) / k)


def test_the_reference_keeps_itself_even_with_ties() -> None:
    rows = np.repeat(points(10, 3, 0), 3, axis=0)  # identical genomes
    order = order_of(rows)
    for k in (1, 5, 10):
        for shares in (trustworthiness(order, order, k), kept(order, order, k)):
            assert shares.tolist() == pytest.approx([1.0] * 30)
        assert continuity(order, order, k).min() > 0.97  # one of two that tie is beyond the first


@pytest.mark.parametrize("space", [points(300, 8, 1), np.zeros((300, 1))], ids=["chance", "all the same"])
def test_spaces_that_know_nothing_are_by_chance(space: np.ndarray) -> None:
    reference = order_of(points(300, 8, 0))
    assert trustworthiness(order_of(space), reference, 10).mean() == pytest.approx(0.5, abs=0.03)
    assert continuity(order_of(space), reference, 10).mean() == pytest.approx(0.5, abs=0.03)
    assert kept(order_of(space), reference, 10).mean() == pytest.approx(10 / 299, abs=0.01)


def test_neighbours_are_known_of_genomes_that_have_so_many_below_saturation() -> None:
    distances = np.array([[0, 0.1, 0.2, 1], [0.1, 0, 1, 1], [0.2, 1, 0, 1], [1, 1, 1, 0]])
    assert has_neighbours(distances, 1, 1.0).tolist() == [True, True, True, False]
    assert has_neighbours(distances, 2, 1.0).tolist() == [True, False, False, False]
