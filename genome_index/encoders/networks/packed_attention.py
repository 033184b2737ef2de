"""Attention within chunks that lie end to end in one row, so that nothing is padded.

On a GPU by torch's own `varlen_attn`, which is flash attention (Dao 2023, arXiv 2307.08691); elsewhere chunk
by chunk, which is what the other way is compared with.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional

from genome_index.encoders.checkpoint import in_short
from genome_index.encoders.protocol import Packing

HALF = (torch.bfloat16, torch.float16)  # flash attention has no float32
WIDEST = 256  # dimensions of a head; it also needs a multiple of EVEN
EVEN = 8
LEAST_CAPABILITY = (8, 0)  # of a GPU: Ampere
ROUNDED = 2**-6  # two bfloat16 numbers of one calculation differ by less, as a share of their size


def packed_attention(query: Tensor, key: Tensor, value: Tensor, packing: Packing) -> Tensor:
    """Each token attends to those of its chunk: three of (1, T, heads, D) -> (1, T, heads, D)."""
    if query.is_cuda and (varlen := _varlen()) is not None:
        ends, longest = packing.ends, packing.longest
        attended: Tensor = varlen(query[0], key[0], value[0], ends, ends, longest, longest)
        return attended[None]
    return attention_by_chunk(query, key, value, packing)


def attention_by_chunk(query: Tensor, key: Tensor, value: Tensor, packing: Packing) -> Tensor:
    """The same, one chunk after the other."""
    sizes = packing.ends.diff().tolist()
    parts = (torch.split(part.transpose(1, 2), sizes, dim=2) for part in (query, key, value))
    chunks = [functional.scaled_dot_product_attention(*three) for three in zip(*parts, strict=True)]
    return torch.cat(chunks, dim=2).transpose(1, 2)


def packs(device: str, dtype: torch.dtype, head: int) -> bool:
    """Whether unequal chunks are read packed: a GPU whose `varlen_attn` has the numbers of the plain way.

    Parameters
    ----------
    device
        torch's name of it.
    head
        Dimensions of an attention head.
    """
    fits = device.startswith("cuda") and dtype in HALF and head <= WIDEST and head % EVEN == 0
    return fits and not why_not(device, head)


def missing_packing(device: str, dtype: torch.dtype, head: int) -> list[str]:
    """A warning where a GPU could read unequal chunks packed, but for torch or the driver."""
    reason = why_not(device, head) if device.startswith("cuda") and dtype in HALF else ""
    if not reason:
        return []
    return [f"reading is slower than it could be: unequal chunks are padded on {device} ({reason})"]


@cache
def why_not(device: str, head: int) -> str:
    """The reason why `varlen_attn` cannot be used on a GPU; "" where it can."""
    if _varlen() is None:
        return "this torch has none"
    if torch.cuda.get_device_capability(device) < LEAST_CAPABILITY:
        return "it is older than Ampere"
    try:
        _compare(device, head)
    except Exception as error:  # noqa: BLE001  # the driver and torch raise any class
        return in_short(error)
    return ""


@cache
def _varlen() -> Callable[..., Tensor] | None:
    """Torch's function, None in older versions."""
    try:
        from torch.nn.attention.varlen import varlen_attn
    except ImportError:
        return None
    return cast(Callable[..., Tensor], varlen_attn)


def _compare(device: str, head: int) -> None:
    """Raise AssertionError where torch's numbers on the device are not those of one chunk after the other."""
    sizes = (5, 1, 9, 2)
    total, longest = sum(sizes), max(sizes)
    three = (
        torch.arange(3 * total * 2 * head, dtype=torch.float32).sin().view(3, 1, total, 2, head).bfloat16()
    )
    ends = torch.tensor([0, *sizes], dtype=torch.int32).cumsum(0, dtype=torch.int32)
    none = torch.empty(0)
    query, key, value = three.to(device)
    there = packed_attention(query, key, value, Packing(ends.to(device), none, none, longest))
    query, key, value = three.float()
    plain = attention_by_chunk(query, key, value, Packing(ends, none, none, longest))
    torch.testing.assert_close(there.cpu().float(), plain, rtol=ROUNDED, atol=ROUNDED)
