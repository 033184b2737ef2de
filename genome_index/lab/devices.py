"""Devices that networks of the lab are trained and measured on."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

from genome_index.errors import UsageError


def require_device(device: str) -> None:
    """Refuse a GPU that is not there; UsageError."""
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device cuda: torch finds no GPU here; give --device cpu")


def precision(device: str) -> AbstractContextManager[object]:
    """What losses are computed in: bfloat16 where that is safe on a GPU, float32 on a CPU."""
    return torch.autocast("cuda", torch.bfloat16) if device == "cuda" else nullcontext()
