"""Triton kernels of the gate and the rotary embedding: each number is read once and written once.

Triton comes with torch for CUDA. fused_ops.py has the same in torch's own operations.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

COLUMNS = 1_024  # of a row, for one program of `gate`


def gate(inner: Tensor) -> Tensor:
    """SiLU of the first half times the second: (..., 2 W), contiguous -> (..., W)."""
    width = inner.shape[-1] // 2
    values = torch.empty((*inner.shape[:-1], width), dtype=inner.dtype, device=inner.device)
    gate_rows[values.numel() // width, triton.cdiv(width, COLUMNS)](inner, values, width, COLUMNS)
    return values


def turn(query: Tensor, key: Tensor, turns: Tensor) -> None:
    """Rotary embedding in place: (B, T, heads, D) twice, contiguous; (T, D / 2) complex."""
    batch, tokens, heads, size = query.shape
    angles, pairs = torch.view_as_real(turns), heads * size // 2
    turn_rows[(batch * tokens,)](query, key, angles, tokens, pairs, size // 2, triton.next_power_of_2(pairs))


@triton.jit  # type: ignore[untyped-decorator]  # it has no types
def gate_rows(inner: tl.tensor, outer: tl.tensor, width: tl.tensor, columns: tl.constexpr) -> None:
    row = tl.program_id(0).to(tl.int64)  # times a width it can exceed 32 bits
    at = tl.program_id(1) * columns + tl.arange(0, columns)
    inside = at < width
    gates = tl.load(inner + row * 2 * width + at, mask=inside).to(tl.float32)
    values = tl.load(inner + row * 2 * width + width + at, mask=inside).to(tl.float32)
    tl.store(outer + row * width + at, gates * tl.sigmoid(gates) * values, mask=inside)


@triton.jit(do_not_specialize=["tokens"])  # type: ignore[untyped-decorator]  # or it is compiled three times
def turn_rows(
    query: tl.tensor, key: tl.tensor, angles: tl.tensor, tokens: tl.tensor, pairs: tl.tensor,
    half: tl.constexpr, most: tl.constexpr,
) -> None:  # fmt: skip
    row = tl.program_id(0).to(tl.int64)
    pair = tl.arange(0, most)
    inside = pair < pairs
    head, place = pair // half, pair % half
    angle = angles + 2 * ((row % tokens) * half + place)
    cosine, sine = tl.load(angle, mask=inside), tl.load(angle + 1, mask=inside)
    first = 2 * (row * pairs + head * half) + place
    turn_pairs(query + first, half, inside, cosine, sine)
    turn_pairs(key + first, half, inside, cosine, sine)


@triton.jit  # type: ignore[untyped-decorator]  # it has no types
def turn_pairs(
    first: tl.tensor, half: tl.constexpr, inside: tl.tensor, cosine: tl.tensor, sine: tl.tensor
) -> None:
    a = tl.load(first, mask=inside).to(tl.float32)
    b = tl.load(first + half, mask=inside).to(tl.float32)
    tl.store(first, a * cosine - b * sine, mask=inside)
    tl.store(first + half, a * sine + b * cosine, mask=inside)
