"""Pointers: scores beside a loop in numpy, what cannot be pointed at, and the whole step of a decoder."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra neural is not installed")

from genome_index.encoders.networks.annotation.pointers import PointerHead, anchor_bias

WIDTH, TOKENS, STEPS = 8, 11, 4


@pytest.fixture
def head() -> PointerHead:
    torch.manual_seed(3)
    made = PointerHead(WIDTH).double().requires_grad_(False)
    made.decay.copy_(torch.tensor([0.3, -1.0]))
    return made


def test_scores_are_products_less_the_decay_and_nothing_before_the_anchor(head: PointerHead) -> None:
    states, encoded = torch.randn(2, STEPS, WIDTH).double(), torch.randn(2, TOKENS, WIDTH).double()
    anchors = torch.tensor([[0, 0, 3, 10], [2, 2, 5, 5]])
    kinds = torch.tensor([[0, 1, 0, 1], [1, 0, 1, 0]])
    scores = head.scores(states, encoded, anchors, kinds).numpy()
    weight, bias = head.queries.weight.numpy(), head.queries.bias.numpy()
    for row, step, token in np.ndindex(2, STEPS, TOKENS):
        kind, behind = int(kinds[row, step]), token - int(anchors[row, step])
        own = slice(kind * WIDTH, (kind + 1) * WIDTH)
        query = weight[own] @ states[row, step].numpy() + bias[own]
        key = head.keys.weight.numpy() @ encoded[row, token].numpy() + head.keys.bias.numpy()
        decay = math.log1p(math.exp([0.3, -1.0][kind]))
        right = query @ key / math.sqrt(WIDTH) - decay * behind if behind >= 0 else -math.inf
        assert scores[row, step, token] == pytest.approx(right, rel=1e-6, abs=1e-6)


def test_of_equal_scores_the_nearest_behind_the_anchor_is_highest(head: PointerHead) -> None:
    states, encoded = torch.randn(1, 1, WIDTH).double(), torch.ones(1, TOKENS, WIDTH).double()
    scores = head.scores(states, encoded, torch.tensor([[4]]), torch.tensor([[0]]))
    assert int(scores.argmax()) == 4
    assert scores[0, 0, 4:].diff().max() < 0


def test_the_bias_of_cross_attention_falls_with_the_distance_from_the_anchor() -> None:
    bias = anchor_bias(torch.tensor([[1, 3]]), 5, [0.5, 0.25])
    assert bias.shape == (1, 2, 2, 5)
    assert bias[0, 0, 0].tolist() == [-0.5, 0.0, -0.5, -1.0, -1.5]
    assert bias[0, 1, 1].tolist() == [-0.75, -0.5, -0.25, 0.0, -0.25]


def test_the_input_of_a_pointer_is_the_state_that_it_points_at(head: PointerHead) -> None:
    encoded = torch.randn(1, TOKENS, WIDTH).double()
    read = head.embed(encoded, torch.tensor([[7, 7]]), torch.tensor([[0, 1]]))[0]
    for kind in range(2):
        summed = head.inputs(encoded[0, 7]) + head.kinds.weight[kind]
        normed = (summed - summed.mean()) / summed.std(correction=0)
        assert torch.allclose(read[kind], normed, atol=1e-9)
