"""Long convolutions: each mixer against loops of its formula, networks of both strands, padding, folders."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from genome_index.encoders.networks.loader import open_model, shape_of
from genome_index.encoders.networks.mixers.convolution import causal_convolution
from genome_index.encoders.networks.mixers.folder import write_mixer
from genome_index.encoders.networks.mixers.hyena import Hyena
from genome_index.encoders.networks.mixers.multires import MultiresConv, scales_of
from genome_index.encoders.networks.mixers.network import MIXERS, MixerConfig, MixerNetwork
from genome_index.encoders.networks.mixers.s4d import S4D
from genome_index.encoders.networks.mixers.strands import complement_table, logits_of_both, states_of_both
from genome_index.errors import ModelError, UsageError

SMALL = MixerConfig(vocab=8, width=12, layers=2, ffn=16, length=40)


def network(**changes: object) -> MixerNetwork:
    torch.manual_seed(0)
    return MixerNetwork(replace(SMALL, **changes)).eval()  # type: ignore[arg-type]


def bases(rows: int, length: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).integers(4, 8, (rows, length)))


def rows_of(width: int, length: int = 19) -> Tensor:
    return torch.randn(2, length, width, generator=torch.Generator().manual_seed(1))


# -- mixers, each against its formula ------------------------------------------------------------------------


def test_a_convolution_by_fft_is_the_sum_of_products() -> None:
    x, filters = rows_of(3).double(), rows_of(3)[0].double()
    expected = np.zeros(x.shape)
    for b, t, d in np.ndindex(*x.shape):
        expected[b, t, d] = sum(filters[j, d] * x[b, t - j, d] for j in range(t + 1))
    np.testing.assert_allclose(causal_convolution(x, filters), expected, atol=1e-12)


def test_s4d_is_its_recurrence() -> None:
    """State by state: s <- exp(D A) s + (exp(D A) - 1) / A x, y = 2 Re(C s) + skip x."""
    torch.manual_seed(0)
    layer, x = S4D(5, states=3).double(), rows_of(5).double()
    with torch.no_grad():
        made = layer(x).numpy()
        steps, poles = layer.log_step.exp().numpy(), (-layer.log_decay.exp() + 1j * layer.frequency).numpy()
        output = layer.output[..., 0].numpy() + 1j * layer.output[..., 1].numpy()
        skip = layer.through.numpy()
    kept = np.exp(steps[:, None] * poles)
    for b in range(len(x)):
        state = np.zeros(poles.shape, complex)
        for t in range(x.shape[1]):
            now = x[b, t].numpy()
            state = kept * state + (kept - 1) / poles * now[:, None]
            expected = 2 * (output * state).sum(1).real + skip * now
            np.testing.assert_allclose(made[b, t], expected, atol=1e-10)


def test_multires_is_its_scales() -> None:
    torch.manual_seed(0)
    layer, x = MultiresConv(4, scales=6).double(), rows_of(4).double()
    with torch.no_grad():
        made = layer(x).numpy()
    low, high, weights = (part.detach().numpy() for part in (layer.low, layer.high, layer.weights))
    for b, d in np.ndindex(2, 4):
        rest, total, apart = x[b, :, d].numpy(), weights[-1, d] * x[b, :, d].numpy(), 1
        for scale in range(5):  # ceil(log2(19))
            before = np.concatenate([np.zeros(apart), rest[:-apart]])
            total = total + weights[scale, d] * (high[d, 0] * before + high[d, 1] * rest)
            rest, apart = low[d, 0] * before + low[d, 1] * rest, 2 * apart
        np.testing.assert_allclose(made[b, :, d], total + weights[-2, d] * rest, atol=1e-12)


def test_wavelets_of_haar_hold_the_whole_signal() -> None:
    """With filters (1/2, 1/2) and (-1/2, 1/2), a_{j-1} = a_j + d_j: weights of 1 add all scales up to x."""
    layer, x = MultiresConv(3).double(), rows_of(3).double()
    with torch.no_grad():
        layer.low.copy_(torch.tensor([0.5, 0.5]).expand(3, 2))
        layer.high.copy_(torch.tensor([-0.5, 0.5]).expand(3, 2))
        layer.weights.fill_(1.0)
        layer.weights[-1].fill_(0.0)
        torch.testing.assert_close(layer(x), x)


def test_scales_reach_over_a_length() -> None:
    assert [scales_of(length, 2, 11) for length in (2, 3, 9, 2_048, 10_000)] == [1, 2, 4, 11, 11]
    assert scales_of(9, 3, 11) == 3


def test_hyena_is_two_gates_around_a_sum() -> None:
    torch.manual_seed(0)
    layer, x = Hyena(4, length=19).double(), rows_of(4).double()
    with torch.no_grad():
        made, filters = layer(x), layer.filters(19)
        wide = layer.within(x)
        taps, bias = layer.short.weight[:, 0], layer.short.bias
        for b, t in np.ndindex(2, 19):
            parts = []
            for at in range(t + 1):
                seen = [
                    wide[b, at - 2 + j] if at - 2 + j >= 0 else torch.zeros(12).double() for j in range(3)
                ]
                parts.append(sum(taps[:, j] * seen[j] for j in range(3)) + bias)
            value, first, second = (
                torch.stack(part) for part in zip(*(p.chunk(3) for p in parts), strict=True)
            )
            gated = first * value
            mixed = sum(filters[t - at] * gated[at] for at in range(t + 1)) + layer.bias * gated[t]
            torch.testing.assert_close(made[b, t], layer.out(second[t] * mixed))


# -- networks ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mixer", MIXERS)
def test_a_causal_network_does_not_see_what_follows(mixer: str) -> None:
    ids = bases(1, 30)
    other = ids.clone()
    other[0, 20] = 11 - other[0, 20]
    with torch.inference_mode():
        before, after = (network(mixer=mixer).hidden(each) for each in (ids, other))
    torch.testing.assert_close(before[:, :20], after[:, :20])
    assert not torch.allclose(before[:, 20:], after[:, 20:], atol=1e-4)


@pytest.mark.parametrize("mixer", MIXERS)
def test_a_network_of_both_directions_sees_what_follows(mixer: str) -> None:
    ids = bases(1, 30)
    other = ids.clone()
    other[0, 29] = 11 - other[0, 29]
    with torch.inference_mode():
        before, after = (network(mixer=mixer, causal=False).hidden(each) for each in (ids, other))
    assert not torch.allclose(before[:, 0], after[:, 0], atol=1e-5)


@pytest.mark.parametrize("mixer", MIXERS)
def test_logits_of_the_other_strand_are_the_same_the_other_way_round(mixer: str) -> None:
    both = network(mixer=mixer, causal=False, equivariant=True)
    ids = bases(2, 25)
    ids[0, 3] = 1  # a mask is its own complement
    table = complement_table(8)
    with torch.inference_mode():
        own, other = (
            logits_of_both(both, list(states_of_both(both, each))[-1]) for each in (ids, table[ids].flip(1))
        )
        alone = both.logits(both.hidden(ids))
    torch.testing.assert_close(other.flip(1)[..., table], own)
    assert not torch.allclose(alone, own, atol=1e-3)


@pytest.mark.parametrize(
    "changes", [{"causal": True}, {"causal": False}, {"causal": False, "equivariant": True}]
)
@pytest.mark.parametrize("mixer", MIXERS)
def test_padding_changes_no_token(mixer: str, changes: dict[str, bool], tmp_path: Path) -> None:
    """By way of the folder that an encoder is read from."""
    write_mixer(network(mixer=mixer, **changes), tmp_path)
    model, warnings = open_model(tmp_path)
    assert not warnings
    ids, mask = bases(1, 30), torch.zeros(1, 30, dtype=torch.bool)
    mask[:, :21] = True
    with torch.inference_mode():
        alone, padded = list(model.hidden(ids[:, :21], None)), list(model.hidden(ids, mask))
    assert len(alone) == model.layers + 1
    for own, among in zip(alone, padded, strict=True):
        assert own.shape[2] == model.width
        torch.testing.assert_close(own, among[:, :21], atol=1e-5, rtol=1e-4)


def test_a_folder_keeps_weights_and_shape(tmp_path: Path) -> None:
    own = network(mixer="hyena")
    write_mixer(own, tmp_path)
    model, _ = open_model(tmp_path)
    ids = bases(2, 12)
    with torch.inference_mode():
        torch.testing.assert_close(list(model.hidden(ids, None))[-1], own.hidden(ids))
    assert shape_of(tmp_path) == (40, 8)


@pytest.mark.parametrize("mixer", MIXERS)
def test_bfloat16_is_near_float32(mixer: str) -> None:
    """What decides over hundreds of positions, filters and sums, is computed in float32."""
    ids = bases(1, 40)
    with torch.inference_mode():
        exact, rounded = (
            network(mixer=mixer).to(dtype).hidden(ids).float() for dtype in (torch.float32, torch.bfloat16)
        )
    assert torch.nn.functional.cosine_similarity(exact, rounded, dim=-1).min() > 0.99


def test_settings_that_make_no_network(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no mixer is called 'mamba'; choose s4d, multires, hyena"):
        network(mixer="mamba")
    with pytest.raises(UsageError, match="a causal network reads one strand; make an equivariant one"):
        network(equivariant=True)
    write_mixer(network(), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "mixer": "mamba"}))
    with pytest.raises(
        ModelError, match=r"config.json does not describe a model \(no mixer is called 'mamba'"
    ):
        open_model(tmp_path)
