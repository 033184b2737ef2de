"""The gate and the rotary embedding of the Nucleotide Transformer v2: on a GPU each in one pass over memory.

Beside its products, a block moves 116 kB a token when torch's own operations do these two (56 kB the turning,
40 kB the gate), and 52 kB when kernels do (8 and 24): v2-500m in bfloat16, counted, not measured.
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
    """SiLU of the first half times the second: (..., 2 W) -> (..., W). What it is given is used up."""
    if (kernels := _kernels_for(inner)) is not None:
        found: Tensor = kernels.gate(inner)
        return found
    gate, value = inner.chunk(2, dim=-1)
    return functional.silu(gate, inplace=True).mul_(value)  # the widest tensor of all: no copy of it


def turned(query: Tensor, key: Tensor, turns: Tensor) -> tuple[Tensor, Tensor]:
    """Rotary embedding of queries and keys: (B, T, heads, D) twice -> the same. They are used up.

    Dimension d makes a pair with d + D / 2, which is turned as the complex numbers `turns` (T, D / 2) say.
    Where the two stand afterwards is the same in queries and keys, so their products are those of the paper.
    """
    if (kernels := _kernels_for(query)) is not None:
        kernels.turn(query, key, turns)
        return query, key
    return _turned(query, turns), _turned(key, turns)


def _turned(heads: Tensor, turns: Tensor) -> Tensor:
    first, second = heads.float().chunk(2, dim=-1)
    pairs = torch.complex(first, second) * turns[:, None]
    return torch.view_as_real(pairs).flatten(-2).to(heads.dtype)


def missing(device: str) -> list[str]:
    """A sentence, where there are no kernels for a GPU."""
    why = _tried()[1] if device.startswith("cuda") else ""
    return (
        [f"reading is slower than it could be: Triton makes no kernels for {device} ({why})"] if why else []
    )


def _kernels_for(tensor: Tensor) -> ModuleType | None:
    return _tried()[0] if tensor.is_cuda else None


@cache
def _tried() -> tuple[ModuleType | None, str]:
    """The module of kernels, if they find on the GPU what torch finds on the CPU; if not, why not."""
    try:
        import genome_index.encoders.networks.triton_kernels as kernels

        _compare(kernels, "cuda")
    except Exception as error:  # noqa: BLE001  # Triton, its C compiler and the driver raise what they like
        return None, in_short(error)
    return kernels, ""


def _compare(kernels: ModuleType, device: str) -> None:
    """Raise AssertionError where the kernels find other numbers than torch does."""
    numbers = torch.arange(2 * 5 * 3 * 24, dtype=torch.float32).sin().view(2, 5, 3, 24).bfloat16()
    angles = torch.arange(5 * 12, dtype=torch.float32).view(5, 12)
    turns = torch.polar(torch.ones_like(angles), angles)
    there = [one.to(device) for one in (numbers, numbers.clone(), numbers.flip(0))]
    found = [kernels.gate(there[0]), *there[1:]]
    kernels.turn(*there[1:], turns.to(device))
    plain = [gated(numbers.clone()), *turned(numbers.clone(), numbers.flip(0), turns)]
    # The kernels leave the two of a pair where they were, torch's operations set them side by side.
    plain[1:] = [torch.cat([one[..., 0::2], one[..., 1::2]], dim=-1) for one in plain[1:]]
    for one, other in zip(found, plain, strict=True):
        torch.testing.assert_close(one.cpu().float(), other.float(), rtol=ROUNDED, atol=ROUNDED)
