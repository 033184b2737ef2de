"""Weighted sums of losses: each weighing by its formula, and what is remembered from run to run."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from genome_index.errors import UsageError
from genome_index.lab.losses.combination import WeightedSum
from genome_index.lab.losses.reading import Outputs, Reading, next_batch

PARTS = [(1.0, "cross-entropy"), (0.25, "line-mse"), (2.0, "chaos-game")]


def reading(seed: int) -> Reading:
    draws = np.random.default_rng(seed)
    table = torch.from_numpy(draws.normal(size=(8, 8))).float()
    return Reading(
        next_batch(torch.from_numpy(draws.integers(4, 8, (2, 20)))),
        lambda read: Outputs(table[read], table[read], table),
    )


def values_of(loss: WeightedSum, seed: int) -> list[float]:
    return [float(value) for value in loss.values(reading(seed))]


def test_fixed_weights_are_the_weights() -> None:
    loss = WeightedSum(PARTS)
    expected = sum(weight * value for (weight, _), value in zip(PARTS, values_of(loss, 0), strict=True))
    assert float(loss(reading(0)).detach()) == pytest.approx(expected)


def test_initial_weights_compare_shares_of_the_first_batch() -> None:
    loss = WeightedSum(PARTS, "initial")
    assert float(loss(reading(0)).detach()) == pytest.approx(sum(weight for weight, _ in PARTS))
    first, later = values_of(loss, 0), values_of(loss, 1)
    expected = sum(weight * b / a for (weight, _), a, b in zip(PARTS, first, later, strict=True))
    assert float(loss(reading(1)).detach()) == pytest.approx(expected)


def test_the_first_batch_is_remembered_with_the_weights() -> None:
    """A run that goes on from a checkpoint divides by the values of its very first batch."""
    loss, again = WeightedSum(PARTS, "initial"), WeightedSum(PARTS, "initial")
    loss(reading(0))
    again.load_state_dict(loss.state_dict())
    assert torch.equal(loss(reading(1)), again(reading(1)))


def test_uncertainty_is_learned_to_the_logarithm_of_a_loss() -> None:
    """At the minimum of (exp(-s) L + s) / 2, s is log L."""
    loss = WeightedSum(PARTS, "uncertainty")
    optimiser = torch.optim.Adam([loss.uncertainty], lr=0.05)
    fixed = torch.tensor([0.5, 20.0, 3.0])
    for _ in range(800):
        optimiser.zero_grad()
        loss.summed(fixed).backward()
        optimiser.step()
    torch.testing.assert_close(loss.uncertainty.detach(), fixed.log(), atol=1e-3, rtol=0)


def test_uncertainty_is_not_learned_where_it_is_not_asked_for() -> None:
    assert [name for name, part in WeightedSum(PARTS).named_parameters() if part.requires_grad] == []


def test_a_learned_variance_is_a_parameter_of_the_sum() -> None:
    loss = WeightedSum([(1.0, "line-gaussian-learned")])
    learned: list[Tensor] = [part for part in loss.parameters() if part.requires_grad]
    loss(reading(0)).backward()
    assert [part.grad is not None for part in learned] == [True]


@pytest.mark.parametrize(
    ("parts", "weighing", "sentence"),
    [
        ([], "fixed", "give at least one loss, each with a weight above 0"),
        ([(0.0, "cross-entropy")], "fixed", "give at least one loss, each with a weight above 0"),
        (PARTS, "equal", "no weighing is called 'equal'; choose fixed, initial, uncertainty"),
    ],
)
def test_sums_that_mean_nothing(parts: list[tuple[float, str]], weighing: str, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        WeightedSum(parts, weighing)  # type: ignore[arg-type]
    assert str(caught.value) == sentence
