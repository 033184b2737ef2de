"""Hyena operator of order 2: two gates around a long convolution whose filter a small network draws.

Poli et al. 2023 (arXiv 2302.10866), as in HyenaDNA (arXiv 2306.15794): v, x1, x2 by a linear layer and a
short causal convolution of three taps, then

    y = x2 * (h (x1 * v)),     h_l = network of sines(features of l) * exp(-decay l)
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn

from genome_index.encoders.networks.mixers.convolution import causal_convolution, exact

BANDS, HIDDEN, FREQUENCY, SHORT = 2, 64, 10.0, 3
FASTEST, SLOWEST = 0.3, 1.5  # a channel's filter falls to 1 % within this many training lengths
FALLEN = math.log(100)


class Hyena(nn.Module):
    """(B, L, D) -> (B, L, D), causal. `length` is the longest of training; positions are told by it."""

    def __init__(self, width: int, length: int) -> None:
        super().__init__()
        self.length = length
        self.within = nn.Linear(width, 3 * width)
        self.short = nn.Conv1d(3 * width, 3 * width, SHORT, groups=3 * width, padding=SHORT - 1)
        self.filter = nn.Sequential(
            nn.Linear(1 + 2 * BANDS, HIDDEN), Sine(HIDDEN), nn.Linear(HIDDEN, HIDDEN), Sine(HIDDEN),
            nn.Linear(HIDDEN, HIDDEN), Sine(HIDDEN), nn.Linear(HIDDEN, width, bias=False),
        )  # fmt: skip
        self.bias = nn.Parameter(torch.randn(width))
        decays = FALLEN / torch.linspace(FASTEST, SLOWEST, width)
        self.decays: Tensor
        self.register_buffer("decays", decays)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        wide = self.within(x)
        if mask is not None:  # the biases would speak from where there is nothing
            wide = wide * mask[..., None].to(wide.dtype)
        value, first, second = self.short(wide.mT)[..., : x.shape[1]].mT.chunk(3, dim=-1)
        gated = first * value if mask is None else first * value * mask[..., None].to(value.dtype)
        mixed = causal_convolution(gated, self.filters(x.shape[1])) + gated * self.bias.to(x.dtype)
        return cast("Tensor", self.out(second * mixed))

    def filters(self, length: int) -> Tensor:
        """(L, D)."""
        places = torch.arange(length, device=self.bias.device)[:, None] / self.length
        angles = 2 * math.pi * places * torch.linspace(1e-4, BANDS - 1, BANDS, device=places.device)
        features = torch.cat([places, angles.cos(), -angles.sin()], dim=1)
        drawn = cast("Tensor", self.filter(features.to(self.bias.dtype)))
        return exact(drawn) * torch.exp(-places * exact(self.decays))


class Sine(nn.Module):
    """The sine of each channel at a frequency of its own."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.frequency = nn.Parameter(torch.full((width,), FREQUENCY))

    def forward(self, x: Tensor) -> Tensor:
        return torch.sin(self.frequency * x)
