"""Causal convolution of long filters by FFT."""

from __future__ import annotations

import torch
from torch import Tensor


def causal_convolution(x: Tensor, filters: Tensor) -> Tensor:
    """y_t = sum over j of filters[j] x[t - j], channel by channel: (B, L, D), (L, D) -> (B, L, D).

    Both are padded to twice their length, so that the end does not come round to the start. In float32 at
    least: sums of thousands of terms need its mantissa.
    """
    size = 2 * x.shape[1]
    with torch.autocast(x.device.type, enabled=False):
        spectrum = torch.fft.rfft(exact(x), n=size, dim=1) * torch.fft.rfft(exact(filters), n=size, dim=0)
        y: Tensor = torch.fft.irfft(spectrum, n=size, dim=1)[:, : x.shape[1]]
    return y.to(x.dtype)


def exact(x: Tensor) -> Tensor:
    """The same in float32, or in float64 if it is."""
    return x if x.dtype == torch.float64 else x.float()
