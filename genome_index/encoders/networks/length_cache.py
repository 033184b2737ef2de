"""A cache of the tensor that depends on the length of a batch alone: rotary angles, biases, positions."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


class LengthCache:
    """The tensor of the longest batch so far: a shorter batch uses its first entries.

    Without a cache each batch would wait for a copy to the GPU.
    """

    def __init__(self) -> None:
        self._tensor: Tensor | None = None
        self._length = 0

    def at_least(
        self, length: int, compute: Callable[[int], Tensor], device: torch.device,
        dtype: torch.dtype | None = None,
    ) -> Tensor:  # fmt: skip
        """What `compute` gives for `length` or more, on a device; `dtype` None leaves the precision alone."""
        cached = self._tensor
        fits = cached is not None and self._length >= length and cached.device == device
        if cached is None or not fits or dtype not in (None, cached.dtype):
            with torch.inference_mode(False):  # so that a training may use it after an evaluation
                self._tensor = cached = compute(length).to(device, dtype)
            self._length = length
        return cached
