"""Linear layers for oneDNN against torch's own; test_networks.py has whole models."""

from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch", reason="the extra neural is not installed")

from genome_index.encoders.networks import onednn
from genome_index.encoders.networks.onednn import LaidOut, is_faster, lay_out

needs_it = pytest.mark.skipif(not is_faster(torch.float32), reason="torch has no oneDNN for this processor")


def layer(rows: int, columns: int, bias: bool = True) -> torch.nn.Linear:
    torch.manual_seed(rows + columns)
    return torch.nn.Linear(rows, columns, bias=bias).requires_grad_(False)


@needs_it
@pytest.mark.parametrize("shape", [(1, 512), (7, 512), (3, 5, 512), (700, 512), (0, 512), (2, 1, 1, 512)])
@pytest.mark.parametrize("bias", [True, False])
def test_the_product_is_that_of_torch(shape: tuple[int, ...], bias: bool) -> None:
    plain, rows = layer(512, 300, bias), torch.randn(shape)
    found, exact = LaidOut(plain)(rows), copy.deepcopy(plain).double()(rows.double())
    assert found.shape == exact.shape
    assert found.dtype == torch.float32
    assert torch.allclose(found.double(), exact, rtol=0, atol=5e-6)


@needs_it
def test_rows_may_lie_apart() -> None:
    plain = layer(64, 32)
    for rows in (
        torch.randn(64, 9).T,
        torch.randn(4, 6, 128)[:, 1:5, ::2],
        torch.randn(6, 128).chunk(2, -1)[1],
    ):
        assert not rows.is_contiguous()
        assert torch.allclose(LaidOut(plain)(rows), plain(rows), atol=1e-5)


@pytest.mark.skipif(not is_faster(torch.bfloat16), reason="this processor has no bfloat16")
def test_half_precision_is_rounded_once() -> None:
    plain, rows = layer(512, 300).to(torch.bfloat16), torch.randn(40, 512, dtype=torch.bfloat16)
    found, exact = LaidOut(plain)(rows), copy.deepcopy(plain).float()(rows.float())
    assert found.dtype == torch.bfloat16
    assert torch.allclose(found.float(), exact, rtol=2**-8, atol=1e-3)


@needs_it
def test_the_plain_weight_is_still_to_be_seen() -> None:
    plain = layer(48, 30)
    laid_out = LaidOut(plain)
    assert torch.equal(laid_out.weight, plain.weight)
    assert torch.equal(laid_out.bias, plain.bias)
    assert (laid_out.in_features, laid_out.out_features) == (48, 30)


@needs_it
def test_every_linear_layer_is_laid_out_and_what_derives_from_it_is_not() -> None:
    attention = torch.nn.MultiheadAttention(16, 2)  # it multiplies by the weights of a layer of its own
    module = torch.nn.Sequential(
        layer(8, 8), torch.nn.ModuleList([torch.nn.Sequential(layer(8, 8))]), attention
    )
    lay_out(module)
    kinds = [type(one) for one in module.modules()]
    assert kinds.count(LaidOut) == 2
    assert torch.nn.Linear not in kinds
    rows = torch.randn(3, 1, 16)
    assert attention(rows, rows, rows)[0].shape == rows.shape


@needs_it
@pytest.mark.parametrize("missing", ["processor", "oneDNN", "bfloat16"])
def test_without_it_nothing_is_changed(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    if missing == "processor":
        monkeypatch.setattr(onednn.platform, "machine", lambda: "arm64")
    elif missing == "oneDNN":
        monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    else:
        monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    dtype = torch.bfloat16 if missing == "bfloat16" else torch.float32
    module = torch.nn.Sequential(layer(8, 8).to(dtype))
    lay_out(module)
    assert type(module[0]) is torch.nn.Linear
