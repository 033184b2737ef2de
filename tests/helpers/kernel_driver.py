"""Runs the Triton kernels without a GPU, in the interpreter (`run`), or compiles them (`compile`)."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import torch
from torch.nn import functional

from genome_index.encoders.networks import fused_ops as fused
from genome_index.encoders.networks import triton_kernels as kernels

SHAPES = [(1, 1, 1, 2), (3, 5, 16, 64), (2, 7, 4, 48), (1, 130, 3, 20)]  # B, T, heads, D


def differences() -> dict[str, float]:
    """Largest one to what float64 gives here, by kernel and precision, as a share of the largest number."""
    torch.manual_seed(0)
    found: dict[str, float] = {}
    for shape in SHAPES:
        for dtype in (torch.bfloat16, torch.float32):
            inner, query, key = (torch.randn(shape).to(dtype) for _ in range(3))
            gates, values = inner.double().chunk(2, dim=-1)
            angles = torch.rand(shape[1], shape[3] // 2) * 7
            pairs = [(kernels.gate(inner), functional.silu(gates) * values)]
            expected = [by_hand(one.double(), angles.double()) for one in (query, key)]
            kernels.turn(query, key, torch.polar(torch.ones_like(angles), angles))
            pairs += zip((query, key), expected, strict=True)
            for what, (mine, theirs) in zip(("gate", "query", "key"), pairs, strict=True):
                name = f"{what} {str(dtype).removeprefix('torch.')}"
                apart = float((mine.double() - theirs).abs().max() / theirs.abs().max())
                found[name] = max(found.get(name, 0), apart)
    return found


def by_hand(heads: torch.Tensor, angles: torch.Tensor) -> torch.Tensor:
    """The rotary embedding as the paper writes it, by sines and cosines of all dimensions."""
    both = torch.cat([angles, angles], dim=-1)[:, None]
    first, second = heads.chunk(2, dim=-1)
    return heads * both.cos() + torch.cat([-second, first], dim=-1) * both.sin()


def refused() -> list[str]:
    """Which kernels that are wrong are found to be."""
    wrong = {
        "gate": SimpleNamespace(gate=lambda inner: kernels.gate(inner) * 1.1, turn=kernels.turn),
        "turn": SimpleNamespace(gate=kernels.gate, turn=lambda *_: None),
        "none": kernels,
    }
    found = []
    for name, module in wrong.items():
        try:
            fused._compare(module, "cpu")
        except AssertionError:
            found.append(name)
    return found


def sizes(capability: int) -> dict[str, int]:
    """Bytes of machine code for an NVIDIA GPU of some compute capability."""
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    target = GPUTarget("cuda", capability, 32)
    gate = {"inner": "*bf16", "outer": "*bf16", "width": "i32", "columns": "constexpr"}
    turn = {
        "query": "*bf16", "key": "*bf16", "angles": "*fp32", "tokens": "i32", "pairs": "i32",
        "half": "constexpr", "most": "constexpr",
    }  # fmt: skip
    sources = {
        "gate": ASTSource(kernels.gate_rows, gate, {"columns": kernels.COLUMNS}),
        "turn": ASTSource(kernels.turn_rows, turn, {"half": 32, "most": 512}),
    }
    import triton

    return {name: len(triton.compile(one, target=target).asm["cubin"]) for name, one in sources.items()}


if __name__ == "__main__":
    import json

    told = (
        {"differences": differences(), "refused": refused()}
        if sys.argv[1] == "run"
        else {str(capability): sizes(capability) for capability in (80, 90)}
    )
    sys.stdout.write(json.dumps(told))
