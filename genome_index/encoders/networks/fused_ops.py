"""Gate and rotary embedding of the Nucleotide Transformer v2, on a GPU each in one pass over memory.

Beside its matrix products, a block moves 116 kB a token with torch's own operations (56 kB for the rotary
embedding, 40 kB for the gate) and 52 kB with kernels (8 and 24): v2-500m in bfloat16, counted, not measured.
"""

from __future__ import annotations

from functools import cache
from types import ModuleType

import torch
from torch import Tensor
from torch.nn import functional

from genome_index.encoders.checkpoint import in_short

ROUNDED = 2**-6  # two bfloat16 numbers of one calculation differ by less, as a share of their size


def gated(inner: Tensor) -> Tensor:
    """SiLU of the first half times the second: (..., 2 W) -> (..., W). The argument is overwritten."""
    if (kernels := _kernels_for(inner)) is not None:
        values: Tensor = kernels.gate(inner)
        return values
    gate, value = inner.chunk(2, dim=-1)
    return functional.silu(gate, inplace=True).mul_(value)  # the widest tensor of all: no copy of it


def turned(query: Tensor, key: Tensor, turns: Tensor) -> tuple[Tensor, Tensor]:
    """Rotary embedding of queries and keys: (B, T, heads, D) twice -> the same. Arguments are overwritten.

    Dimension d makes a pair with d + D / 2, which is multiplied by the complex numbers `turns` (T, D / 2).
    The order of dimensions afterwards is the same in queries and keys, so their products are the paper's.
    """
    if (kernels := _kernels_for(query)) is not None:
        kernels.turn(query, key, turns)
        return query, key
    return _turned(query, turns), _turned(key, turns)


def _turned(heads: Tensor, turns: Tensor) -> Tensor:
    first, second = heads.float().chunk(2, dim=-1)
    pairs = torch.complex(first, second) * turns[:, None]
    return torch.view_as_real(pairs).flatten(-2).to(heads.dtype)


def missing_kernels(device: str) -> list[str]:
    """A warning where a GPU has no kernels."""
    reason = _kernels()[1] if device.startswith("cuda") else ""
    if not reason:
        return []
    return [f"reading is slower than it could be: Triton makes no kernels for {device} ({reason})"]


def _kernels_for(tensor: Tensor) -> ModuleType | None:
    return _kernels()[0] if tensor.is_cuda else None


@cache
def _kernels() -> tuple[ModuleType | None, str]:
    """The module of kernels, if their numbers on the GPU are torch's on the CPU; else the reason why not."""
    try:
        import genome_index.encoders.networks.triton_kernels as kernels

        _compare(kernels, "cuda")
    except Exception as error:  # noqa: BLE001  # Triton, its C compiler and the driver raise any class
        return None, in_short(error)
    return kernels, ""


def _compare(kernels: ModuleType, device: str) -> None:
    """Raise AssertionError where the kernels' numbers are not torch's."""
    numbers = torch.arange(2 * 5 * 3 * 24, dtype=torch.float32).sin().view(2, 5, 3, 24).bfloat16()
    angles = torch.arange(5 * 12, dtype=torch.float32).view(5, 12)
    turns = torch.polar(torch.ones_like(angles), angles)
    inputs = [tensor.to(device) for tensor in (numbers, numbers.clone(), numbers.flip(0))]
    fused = [kernels.gate(inputs[0]), *inputs[1:]]
    kernels.turn(*inputs[1:], turns.to(device))
    plain = [gated(numbers.clone()), *turned(numbers.clone(), numbers.flip(0), turns)]
    # The kernels leave a pair in its two places, torch's operations put the pair side by side.
    plain[1:] = [torch.cat([tensor[..., 0::2], tensor[..., 1::2]], dim=-1) for tensor in plain[1:]]
    for actual, expected in zip(fused, plain, strict=True):
        torch.testing.assert_close(actual.cpu().float(), expected.float(), rtol=ROUNDED, atol=ROUNDED)
