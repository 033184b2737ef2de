"""Exact gradients piece by piece against those of whole sequences, and their memory."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch", reason="the network needs the extra `neural`")

from genome_index.encoders.networks.performer import PerformerConfig, SlimPerformer
from genome_index.errors import UsageError
from genome_index.lab.performer.exact_gradients import IGNORED, exact_gradients, whole_gradients
from genome_index.lab.performer.memory import counted

FEATURES = ("relu", "elu+1", "squared", "favor+")
MODES = ("subtract", "store")
LENGTH = 300
CUTS = [(30, 1), (300, 60), (300, 128), (300, 37), (300, 299), (300, 300), (300, 1000)]  # length, piece


def network(features: str = "squared", dtype=torch.float64, layers: int = 2, **settings) -> SlimPerformer:
    torch.manual_seed(0)
    config = PerformerConfig(
        6, 16, layers, heads=2, ffn=32, features=features, random_features=12, **settings
    )
    return SlimPerformer(config).to(dtype)


def sequences(length: int = LENGTH, batch: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(length)
    rows = torch.randint(6, (batch, length + 1), generator=draw)
    targets = rows[:, 1:].clone()
    targets[torch.rand(targets.shape, generator=draw) < 0.2] = IGNORED
    return rows[:, :-1], targets


def gradients(model: SlimPerformer) -> torch.Tensor:
    """All of them in one row; taken off the model."""
    found = torch.cat([one.grad.flatten().double() for one in model.parameters()])
    model.zero_grad()
    return found


def off_by(model: SlimPerformer, chunk: int, mode: str, length: int = LENGTH) -> tuple[float, float]:
    """Relative error of the gradient, and that of the loss."""
    ids, targets = sequences(length)
    loss = whole_gradients(model, ids, targets)
    expected = gradients(model)
    found_loss = exact_gradients(model, ids, targets, chunk, mode)
    found = gradients(model)
    return float((found - expected).norm() / expected.norm()), abs(found_loss - loss) / loss


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("length", "chunk"), CUTS)
@pytest.mark.parametrize("features", FEATURES)
def test_in_float64_they_are_the_same(features, length, chunk, mode) -> None:
    gradient, loss = off_by(network(features), chunk, mode, length)
    assert gradient < 1e-12
    assert loss < 1e-14


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("length", "chunk"), CUTS)
@pytest.mark.parametrize("features", FEATURES)
def test_in_float32_they_are_the_same_to_rounding(features, length, chunk, mode) -> None:
    gradient, loss = off_by(network(features, torch.float32), chunk, mode, length)
    assert gradient < 1e-6
    assert loss < 1e-6


@pytest.mark.parametrize("mode", MODES)
def test_with_the_norm_behind_and_three_layers(mode: str) -> None:
    gradient, loss = off_by(network(layers=3, pre_norm=False), 41, mode)
    assert gradient < 1e-12
    assert loss < 1e-14


@pytest.mark.parametrize("mode", MODES)
def test_over_a_hundred_pieces_subtraction_does_not_drift(mode: str) -> None:
    gradient, _ = off_by(network(dtype=torch.float32), 16, mode, length=1_600)
    assert gradient < 1e-6


def test_sums_taken_away_again_leave_those_before_them() -> None:
    model, (ids, _) = network(dtype=torch.float32), sequences(4_000)
    state = after_first = model.start(2)
    with torch.no_grad():
        for piece in ids.split(8, dim=1):
            _, state = model.step(piece, state)
            after_first = state if after_first.position == 0 else after_first
        for piece in reversed(ids.split(8, dim=1)[1:]):
            _, _, state = model.step_back(piece, state)
    assert state.position == after_first.position == 8
    for found, expected in zip(state.sums, after_first.sums, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("mode", MODES)
def test_redrawn_features_are_those_of_the_step(mode: str) -> None:
    model, found = network("favor+"), []
    for seed in (1, 2):
        model.redraw(seed)
        assert off_by(model, 50, mode)[0] < 1e-12
        exact_gradients(model, *sequences(), 50, mode)
        found.append(gradients(model))
    assert (found[0] - found[1]).norm() > 1e-3 * found[0].norm()


def test_whole_gradients_are_those_of_finite_differences() -> None:
    model = network()
    ids, targets = sequences(40)
    exact_gradients(model, ids, targets, 9)
    weight = model.blocks[0].attention.qkv.weight
    for at in ((0, 0), (20, 3), (40, 7)):
        expected = weight.grad[at].item()
        losses = []
        for sign in (1, -1):
            changed = network()
            with torch.no_grad():
                changed.blocks[0].attention.qkv.weight[at] += sign * 1e-5
            losses.append(whole_gradients(changed, ids, targets))
        assert (losses[0] - losses[1]) / 2e-5 == pytest.approx(expected, rel=1e-4, abs=1e-9)


def test_they_add_to_what_is_there() -> None:
    model, (ids, targets) = network(), sequences()
    exact_gradients(model, ids, targets, 100)
    once = gradients(model)
    exact_gradients(model, ids, targets, 100)
    exact_gradients(model, ids, targets, 60)
    torch.testing.assert_close(gradients(model), 2 * once, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("mode", MODES)
def test_in_bfloat16_every_weight_gets_its_gradient(mode: str) -> None:
    model, (ids, targets) = network(dtype=torch.float32), sequences()
    whole_gradients(model, ids, targets)
    expected = gradients(model)
    with torch.autocast("cpu", torch.bfloat16):
        exact_gradients(model, ids, targets, 64, mode)
    assert all(one.grad is not None for one in model.parameters())
    assert (gradients(model) - expected).norm() / expected.norm() < 0.05


def kept_bytes(length: int, chunk: int | None, mode: str = "subtract") -> int:
    model, (ids, targets) = network(dtype=torch.float32), sequences(length, batch=1)
    with counted() as graphs:
        if chunk is None:
            whole_gradients(model, ids, targets)
        else:
            exact_gradients(model, ids, targets, chunk, mode)
    assert graphs.now == 0
    return graphs.peak


@pytest.mark.parametrize("mode", MODES)
def test_what_graphs_keep_does_not_grow_with_the_length(mode: str) -> None:
    short, long = (kept_bytes(length, 128, mode) for length in (512, 4_096))
    assert long - short == (4_096 - 512) * 2 * 8  # ids and targets themselves, of which graphs hold slices
    assert kept_bytes(4_096, None) > 10 * long


def test_what_graphs_keep_grows_with_the_piece() -> None:
    assert math.isclose(kept_bytes(1_024, 512) / kept_bytes(1_024, 256), 2, rel_tol=0.2)


@pytest.mark.parametrize(("chunk", "mode"), [(0, "subtract"), (8, "guess")])
def test_what_gives_no_gradient_is_refused(chunk: int, mode: str) -> None:
    with pytest.raises(UsageError, match="gives no gradient"):
        exact_gradients(network(), *sequences(), chunk, mode)
    ids, targets = sequences()
    with pytest.raises(UsageError, match="0 targets"):
        exact_gradients(network(), ids, torch.full_like(targets, IGNORED), 8)


def test_a_network_that_sees_both_ways_is_refused() -> None:
    with pytest.raises(UsageError, match="causal=True"):
        exact_gradients(network(causal=False), *sequences(), 8)
