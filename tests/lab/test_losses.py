"""Losses against plain loops over numbers, and their properties for any vectors."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="the extra neural is not installed")

from genome_index.lab.training.losses import (
    contrast,
    distance_bce,
    mixed_simclr,
    nested,
    retrieval_loss,
    weighted_simclr,
)

seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(2, 6)
T = 0.3


def drawn(seed: int, *shapes: tuple[int, ...]) -> list[np.ndarray]:
    draws = np.random.default_rng(seed)
    found = [draws.normal(size=shape) for shape in shapes]
    return [one / np.linalg.norm(one, axis=-1, keepdims=True) for one in found]


def tensors(*arrays: np.ndarray) -> list:
    return [torch.from_numpy(one) for one in arrays]


def simclr_term(anchor: np.ndarray, positive: np.ndarray, negatives: list[np.ndarray]) -> float:
    pos = math.exp(anchor @ positive / T)
    near = [math.exp(anchor @ other / T) for other in negatives]
    mean = sum(near) / len(near)
    pushed = sum(one / mean * one for one in near)
    return -math.log(pos / (pos + pushed))


@settings(max_examples=25, deadline=None)
@given(seed=seeds, pairs=sizes)
def test_weighted_simclr_is_its_formula(seed: int, pairs: int) -> None:
    left, right = drawn(seed, (pairs, 5), (pairs, 5))
    terms = []
    for own, other in ((left, right), (right, left)):
        for row in range(pairs):
            rest = [side[at] for side in (own, other) for at in range(pairs) if at != row]
            terms.append(simclr_term(own[row], other[row], rest))
    assert float(weighted_simclr(*tensors(left, right), T)) == pytest.approx(sum(terms) / len(terms))


@settings(max_examples=25, deadline=None)
@given(seed=seeds, pairs=sizes)
def test_mixed_simclr_is_its_formula(seed: int, pairs: int) -> None:
    mixed, right = drawn(seed, (pairs, 5), (pairs, 5))
    draws = np.random.default_rng(seed + 1)
    other, share = draws.permutation(pairs), draws.uniform(0.5, 1, pairs)
    total = 0.0
    for row in range(pairs):
        rest = [side[at] for side in (mixed, right) for at in range(pairs) if at != row]
        own = simclr_term(mixed[row], right[row], rest)
        total += share[row] * own + (1 - share[row]) * simclr_term(mixed[row], right[other[row]], rest)
    found = mixed_simclr(*tensors(mixed, right, other, share), T)
    assert float(found) == pytest.approx(total / pairs)


@settings(max_examples=25, deadline=None)
@given(seed=seeds, pairs=sizes)
def test_unmixed_views_are_weighted_simclr_of_one_side(seed: int, pairs: int) -> None:
    left, right = tensors(*drawn(seed, (pairs, 4), (pairs, 4)))
    same, all_ = torch.arange(pairs), torch.ones(pairs, dtype=torch.float64)
    both = mixed_simclr(left, right, same, all_, T) + mixed_simclr(right, left, same, all_, T)
    assert float(both / 2) == pytest.approx(float(weighted_simclr(left, right, T)))


@settings(max_examples=25, deadline=None)
@given(seed=seeds, pairs=sizes)
def test_distances_as_chances(seed: int, pairs: int) -> None:
    left, right = drawn(seed, (pairs, 3), (pairs, 3))
    same = np.random.default_rng(seed).random(pairs) < 0.5
    total = 0.0
    for a, b, one in zip(left, right, same, strict=True):
        chance = math.exp(-sum((a - b) ** 2))
        total -= math.log(chance if one else 1 - chance)
    assert float(distance_bce(*tensors(left, right, same))) == pytest.approx(total / pairs)


def test_equal_vectors_of_two_species_are_a_finite_loss_with_a_gradient() -> None:
    left = torch.ones(3, 4, requires_grad=True)
    loss = distance_bce(left, torch.ones(3, 4), torch.zeros(3))
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(left.grad).all()


@settings(max_examples=25, deadline=None)
@given(seed=seeds, pairs=sizes)
def test_kin_are_no_negatives(seed: int, pairs: int) -> None:
    asked, answers = drawn(seed, (pairs, 4), (pairs, 4))
    related = np.triu(np.random.default_rng(seed).random((pairs, pairs)) < 0.4, 1)
    related |= related.T
    there, back = 0.0, 0.0
    for row in range(pairs):
        free = [at for at in range(pairs) if not related[row, at]]
        pos = asked[row] @ answers[row] / T
        there += math.log(sum(math.exp(asked[row] @ answers[at] / T) for at in free)) - pos
        back += math.log(sum(math.exp(asked[at] @ answers[row] / T) for at in free)) - pos
    expected = (there + 0.3 * back) / 1.3 / pairs
    assert float(retrieval_loss(*tensors(asked, answers, related), T)) == pytest.approx(expected)


def test_without_kin_and_with_both_ways_alike_it_is_the_plain_contrast() -> None:
    left, right = tensors(*drawn(3, (6, 4), (6, 4)))
    none = torch.zeros(6, 6, dtype=torch.bool)
    plain = contrast(left, right, T)
    assert float(retrieval_loss(left, right, none, T, back=1.0)) == pytest.approx(float(plain))


@settings(max_examples=15, deadline=None)
@given(seed=seeds, pairs=sizes)
def test_nested_sizes_are_cut_and_made_long_again(seed: int, pairs: int) -> None:
    left, right = drawn(seed, (pairs, 8), (pairs, 8))
    terms = []
    for size in (2, 8):
        cut = [one[:, :size] / np.linalg.norm(one[:, :size], axis=1, keepdims=True) for one in (left, right)]
        terms.append(float(contrast(*tensors(*cut), T)))
    found = nested(lambda a, b: contrast(a, b, T), *tensors(left, right), (2, 8))
    assert float(found) == pytest.approx(sum(terms) / 2)


@pytest.mark.parametrize("loss", [weighted_simclr, contrast])
def test_descent_brings_pairs_together(loss) -> None:
    torch.manual_seed(0)
    left, right = torch.randn(8, 16), torch.randn(8, 16)
    left.requires_grad_()
    optimiser = torch.optim.Adam([left], 0.05)
    unit = torch.nn.functional.normalize
    for _ in range(150):
        found = loss(unit(left, dim=1), unit(right, dim=1))
        optimiser.zero_grad()
        found.backward()
        optimiser.step()
    nearest = (unit(left, dim=1) @ unit(right, dim=1).T).argmax(1)
    assert nearest.tolist() == list(range(8))


def test_no_overflow_at_a_low_temperature() -> None:
    left, right = (one.float() for one in tensors(*drawn(1, (4, 8), (4, 8))))
    assert torch.isfinite(weighted_simclr(left, right, 0.001))
