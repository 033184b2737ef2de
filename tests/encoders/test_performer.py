"""SLiM Performer against attention as plain loops, and piece by piece against whole sequences."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the network needs the extra `neural`")

from genome_index.encoders.networks.feature_maps import FeatureMap, orthogonal_gaussians
from genome_index.encoders.networks.performer import (
    BLOCK,
    PerformerConfig,
    SlimPerformer,
    causal_attention,
    full_attention,
    waves,
)
from genome_index.errors import UsageError

FEATURES = ("relu", "elu+1", "squared", "favor+")


def network(seed: int = 0, **settings) -> SlimPerformer:
    torch.manual_seed(seed)
    config = PerformerConfig(**{"vocab": 6, "width": 16, "layers": 2, "heads": 2, "ffn": 32, **settings})
    return SlimPerformer(config).double()


def some_ids(length: int, batch: int = 2) -> torch.Tensor:
    return torch.randint(6, (batch, length), generator=torch.Generator().manual_seed(length))


def by_loops(queries, keys, values, causal: bool) -> np.ndarray:
    """Linear attention of one head, position by position: (L, M), (L, M), (L, D) -> (L, D)."""
    out = np.zeros_like(values)
    for at in range(len(queries)):
        seen = range(at + 1) if causal else range(len(keys))
        weights = np.array([queries[at] @ keys[other] for other in seen])
        out[at] = sum(weights[other] * values[other] for other in seen) / weights.sum()
    return out


@pytest.mark.parametrize("length", [1, 7, BLOCK, BLOCK + 3])
@pytest.mark.parametrize("causal", [True, False])
def test_attention_is_that_of_the_loops(length: int, causal: bool) -> None:
    draw = torch.Generator().manual_seed(length)
    queries, keys, values = (
        torch.rand(1, 2, length, 5, generator=draw, dtype=torch.float64) for _ in range(3)
    )
    attend = causal_attention if causal else full_attention
    seen, end = attend(queries, keys, values, torch.zeros_like)
    for head in range(2):
        q, k, v = (one[0, head].numpy() for one in (queries, keys, values))
        np.testing.assert_allclose(seen[0, head], by_loops(q, k, v, causal), rtol=1e-12)
        np.testing.assert_allclose(end[0, head, :, :-1], k.T @ v, rtol=1e-12)
        np.testing.assert_allclose(end[0, head, :, -1], k.sum(0), rtol=1e-12)


@pytest.mark.parametrize("features", FEATURES)
@pytest.mark.parametrize("pre_norm", [True, False])
@pytest.mark.parametrize("cut", [(300,), (128, 172), (1, 130, 169), (7, 100, 193)])
def test_steps_agree_with_the_whole(features, pre_norm, cut) -> None:
    model, ids = network(features=features, pre_norm=pre_norm), some_ids(300)
    state, pieces = model.start(2), []
    for piece in ids.split(cut, dim=1):
        hidden, state = model.step(piece, state)
        pieces.append(hidden)
    torch.testing.assert_close(torch.cat(pieces, dim=1), model(ids), rtol=1e-10, atol=1e-11)
    assert state.position == 300


@pytest.mark.parametrize("pre_norm", [True, False])
@pytest.mark.parametrize("last_norm", [True, False])
def test_the_last_norm_is_there_only_before_a_pre_norm_head(pre_norm: bool, last_norm: bool) -> None:
    model, ids = network(pre_norm=pre_norm, last_norm=last_norm), some_ids(9)
    states = model.through(model.embed(ids))
    centred = states - states.mean(2, keepdim=True)  # a layer norm's weights begin as ones and zeros
    normed = centred / (states.var(2, keepdim=True, correction=0) + 1e-5).sqrt()
    torch.testing.assert_close(model(ids), normed if pre_norm and last_norm else states)
    assert PerformerConfig(6).last_norm  # that of model folders whose config.json lacks it


@pytest.mark.parametrize("features", FEATURES)
def test_what_comes_later_changes_nothing_before_it(features: str) -> None:
    model, ids = network(features=features), some_ids(200)
    changed = ids.clone()
    changed[:, 150] = (changed[:, 150] + 1) % 6
    one, other = model(ids), model(changed)
    torch.testing.assert_close(one[:, :150], other[:, :150], rtol=0, atol=0)
    assert (one[:, 150:] != other[:, 150:]).any(dim=2).all()


def test_both_ways_the_first_position_sees_the_last() -> None:
    model, ids = network(causal=False), some_ids(200)
    changed = ids.clone()
    changed[:, -1] = (changed[:, -1] + 1) % 6
    assert (model(ids)[:, 0] != model(changed)[:, 0]).all()
    with pytest.raises(UsageError, match="causal=True"):
        model.step(ids, model.start(2))


@pytest.mark.parametrize("causal", [True, False])
def test_nobody_looks_where_the_mask_is_false(causal: bool) -> None:
    model, ids = network(causal=causal), some_ids(60)
    mask = torch.arange(60)[None].expand(2, -1) < 40
    torch.testing.assert_close(model(ids, mask)[:, :40], model(ids[:, :40]), rtol=1e-10, atol=1e-12)


def test_order_matters_and_positions_go_on_beyond_a_million() -> None:
    model, ids = network(causal=False), some_ids(50, batch=1)
    assert not torch.allclose(model(ids).mean(1), model(ids.flip(1)).mean(1), atol=1e-4)
    whole, later = waves(0, 1_000_010, 8), waves(1_000_000, 10, 8)
    torch.testing.assert_close(whole[1_000_000:], later, rtol=0, atol=0)
    expected = [
        np.sin(1_000_003.0),
        np.sin(1_000_003 * 1e-1),
        np.sin(1_000_003 * 1e-2),
        np.sin(1_000_003 * 1e-3),
    ]
    np.testing.assert_allclose(later[3, :4], expected, atol=1e-9)


def test_favor_estimates_the_softmax_kernel_and_orthogonal_rows_do_so_better() -> None:
    draw = torch.Generator().manual_seed(2)
    # Short vectors: the estimate's variance grows with exp of their squared length.
    queries, keys = 0.5 * torch.randn(2, 20, 8, generator=draw, dtype=torch.float64)
    exact = (queries @ keys.mT / 8**0.5).exp()
    feature = FeatureMap("favor+", 8, 64).double()
    estimates, plain = [], []
    for _ in range(1_000):
        feature.redraw(draw)
        estimates.append(feature(queries) @ feature(keys).mT)
        feature.directions.copy_(torch.randn(64, 8, generator=draw, dtype=torch.float64))
        plain.append(feature(queries) @ feature(keys).mT)
    mean = torch.stack(estimates).mean(0)
    assert ((mean - exact).abs() / exact).median() < 0.02
    # The median over pairs: a few pairs of long vectors have nearly all of the variance.
    spread, spread_plain = (
        (torch.stack(one) / exact - 1).square().mean(0).median() for one in (estimates, plain)
    )
    assert spread < 0.92 * spread_plain


def test_orthogonal_gaussians_are_orthogonal_and_drawn_by_seed() -> None:
    rows = orthogonal_gaussians(20, 8, torch.Generator().manual_seed(3))
    again = orthogonal_gaussians(20, 8, torch.Generator().manual_seed(3))
    assert rows.shape == (20, 8)
    assert torch.equal(rows, again)
    for block in rows.split(8):
        products = block @ block.mT
        torch.testing.assert_close(products, products.diagonal().diag(), rtol=0, atol=1e-10)


def test_redrawing_changes_favor_and_comes_back_with_the_seed() -> None:
    model, ids = network(features="favor+"), some_ids(30)
    first = model(ids)
    model.redraw(5)
    assert not torch.allclose(model(ids), first)
    model.redraw(0)
    assert torch.equal(model(ids), first)


def test_weights_with_their_features_load_elsewhere() -> None:
    model, other, ids = network(features="favor+"), network(seed=1, features="favor+"), some_ids(30)
    model.redraw(9)
    other.load_state_dict(model.state_dict())
    assert torch.equal(other(ids), model(ids))


@pytest.mark.parametrize("causal", [True, False])
def test_half_precision_gives_nearly_the_same(causal: bool) -> None:
    model, ids = network(causal=causal).float(), some_ids(2_000, batch=1)
    exact = model(ids)
    with torch.autocast("cpu", torch.bfloat16):
        near = model(ids)
    assert 0 < (near - exact).norm() / exact.norm() < 0.01


def test_half_precision_does_not_round_the_sums() -> None:
    model, seen = network(layers=1).float(), []
    model.blocks[0].attention.features.register_forward_hook(lambda _, given, features: seen.append(features))
    with torch.autocast("cpu", torch.bfloat16):
        _, state = model.step(some_ids(2_000), model.start(2))
    queries, keys = seen
    assert queries.shape == keys.shape
    torch.testing.assert_close(state.sums[0][..., -1], keys.double().sum(2), rtol=1e-5, atol=0)


def test_a_network_that_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError, match="no features are called 'cosine'"):
        PerformerConfig(6, features="cosine")
    with pytest.raises(UsageError, match="multiple of 4 and of the heads, such as 96"):
        PerformerConfig(6, width=64, heads=3)
    with pytest.raises(UsageError, match="head=True"):
        network(head=False).logits(torch.zeros(1, 1, 16))
