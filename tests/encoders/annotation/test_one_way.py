"""Heads that look one way: their bias beside loops, and states beside padding."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the extra neural is not installed")

from genome_index.encoders.networks.annotation.config import AnnotationConfig
from genome_index.encoders.networks.annotation.one_way import AWAY, OneWayDnaBert2, away, one_way_slopes
from genome_index.encoders.networks.annotation.pointers import anchor_bias
from genome_index.errors import UsageError
from genome_index.lab.annotate.model.upcycle import random_model

CONFIG = AnnotationConfig(
    vocabulary=12, width=16, layers=2, decoder_layers=1, heads=4, inner=16, experts=0, one_way_heads=True
)


def test_even_heads_look_back_and_odd_ones_ahead() -> None:
    network = OneWayDnaBert2(CONFIG.encoder_sizes)
    bias = network.bias_of(torch.zeros(1, 5, 16), None)[0]
    slopes = one_way_slopes(4)
    for head in range(4):
        for one in range(5):
            for other in range(5):
                is_seen = other <= one if head % 2 == 0 else other >= one
                expected = -slopes[head] * abs(one - other) + (0 if is_seen else AWAY)
                assert float(bias[head, one, other]) == pytest.approx(expected)


def test_cross_attention_looks_before_and_behind_the_anchor() -> None:
    bias = anchor_bias(torch.tensor([[1, 3]]), 4, [0.5, 0.5], one_way=True)[0]
    assert bias[0, 0].tolist() == [-0.5, 0, -0.5 + AWAY, -1 + AWAY]  # head 0, anchor 1
    assert bias[1, 0].tolist() == [-0.5 + AWAY, 0, -0.5, -1]
    assert bias[1, 1].tolist() == [-1.5 + AWAY, -1 + AWAY, -0.5 + AWAY, 0]  # head 1, anchor 3
    assert away(torch.tensor([[0, 1]]), 2).tolist() == [[[0, AWAY]], [[0, 0]]]


def test_states_do_not_depend_on_padding() -> None:
    model = random_model(CONFIG, 3).double()
    ids = torch.tensor([[5, 6, 7, 8, 9]])
    mask = torch.tensor([[True] * 5 + [False] * 4])
    padded = model.encode(torch.nn.functional.pad(ids, (0, 4), value=3), mask)
    assert torch.isfinite(padded).all()
    torch.testing.assert_close(padded[:, :5], model.encode(ids))


def test_the_order_of_tokens_is_known() -> None:
    """A row and its mirror image have other states; with heads that look both ways they have not."""
    ids = torch.tensor([[5, 6, 7, 8]])
    for one_way in (True, False):
        config = AnnotationConfig(**{**vars(CONFIG), "one_way_heads": one_way})
        model = random_model(config, 1).double()
        mirrored = model.encode(ids.flip(1)).flip(1)
        assert torch.allclose(model.encode(ids), mirrored) is not one_way


def test_an_odd_number_of_heads_is_refused() -> None:
    with pytest.raises(UsageError, match="3 heads cannot look one way each in pairs; give an even number"):
        AnnotationConfig(vocabulary=12, width=12, heads=3, one_way_heads=True)
