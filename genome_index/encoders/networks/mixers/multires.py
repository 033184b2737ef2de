"""MultiresConv: wavelets whose two filters are shared by all scales, each scale weighted by itself.

Shi, Wang and Fox 2023 (arXiv 2305.01638), with fading memory: a low-pass h0 and a high-pass h1 of K taps,
dilated by 2 from scale to scale,

    a_0 = x;  d_j = h1 * a_{j-1};  a_j = h0 * a_{j-1};  y = sum over j of w_j d_j + w_0 a_J + w_x x

and as many scales as the length needs, J = ceil(log2((L - 1) / (K - 1) + 1)).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

TAPS = 2
SCALES = 11  # for lengths up to 2,048 with two taps; longer ones see no farther


class MultiresConv(nn.Module):
    """(B, L, D) -> (B, L, D), causal."""

    def __init__(self, width: int, taps: int = TAPS, scales: int = SCALES) -> None:
        super().__init__()
        bound = math.sqrt(2 / (2 * taps))
        self.low = nn.Parameter(torch.empty(width, taps).uniform_(-bound, bound))
        self.high = nn.Parameter(torch.empty(width, taps).uniform_(-bound, bound))
        self.weights = nn.Parameter(torch.randn(scales + 2, width) / math.sqrt(2 * scales + 2))

    def forward(self, x: Tensor) -> Tensor:
        rest, total, dilation = x.mT, self.weights[-1, :, None] * x.mT, 1  # (B, D, L)
        for scale in range(scales_of(x.shape[1], self.low.shape[1], len(self.weights) - 2)):
            total = total + self.weights[scale, :, None] * _dilated(rest, self.high, dilation)
            rest, dilation = _dilated(rest, self.low, dilation), 2 * dilation
        return (total + self.weights[-2, :, None] * rest).mT


def scales_of(length: int, taps: int, most: int) -> int:
    """The scales that a length needs, at most those that there are.

    >>> scales_of(1, 2, 11), scales_of(16, 2, 11), scales_of(5_000, 2, 11)
    (0, 4, 11)
    """
    return min(most, math.ceil(math.log2((length - 1) / (taps - 1) + 1)))


def _dilated(x: Tensor, taps: Tensor, dilation: int) -> Tensor:
    """Causal convolution of each channel, the last tap that of the position itself: (B, D, L) -> the same."""
    padded = functional.pad(x, (dilation * (taps.shape[1] - 1), 0))
    return functional.conv1d(padded, taps[:, None].to(x.dtype), dilation=dilation, groups=len(taps))
