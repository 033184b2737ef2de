"""S4D: a diagonal linear state space of each channel, computed as one long convolution.

Gu et al. 2022 (arXiv 2206.11893). With A_n = -exp(a_n) + i w_n, step D and zero-order hold, the filter is

    K_l = 2 Re sum over n of C_n (exp(D A_n) - 1) / A_n exp(D A_n l)

begun with real part -1/2 and w_n = pi n ("S4D-Lin"), and D log-uniform from 0.001 to 0.1. B is 1: it and C
are one factor.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from genome_index.encoders.networks.mixers.convolution import causal_convolution, exact

STATES = 16  # complex ones of a channel, each with its conjugate; the filter takes time with their number
SHORTEST, LONGEST = 1e-3, 1e-1  # steps


class S4D(nn.Module):
    """(B, L, D) -> (B, L, D), causal."""

    def __init__(self, width: int, states: int = STATES) -> None:
        super().__init__()
        span = math.log(LONGEST) - math.log(SHORTEST)
        self.log_step = nn.Parameter(torch.rand(width) * span + math.log(SHORTEST))
        self.log_decay = nn.Parameter(torch.full((width, states), math.log(0.5)))
        self.frequency = nn.Parameter((math.pi * torch.arange(states)).repeat(width, 1))
        self.output = nn.Parameter(torch.randn(width, states, 2) * 0.5**0.5)  # C, real and imaginary
        self.through = nn.Parameter(torch.randn(width))

    def forward(self, x: Tensor) -> Tensor:
        return causal_convolution(x, self.filters(x.shape[1])) + x * self.through.to(x.dtype)

    def filters(self, length: int) -> Tensor:
        """(L, D)."""
        advance, weight = self._discrete()
        powers = advance[..., None] * torch.arange(length, device=self.log_step.device)  # (D, N, L)
        return 2 * torch.einsum("dn,dnl->ld", weight, powers.exp()).real

    def _discrete(self) -> tuple[Tensor, Tensor]:
        """Logarithms of what states keep in a step, and their weights in the output: (D, N) each."""
        poles = torch.complex(-exact(self.log_decay).exp(), exact(self.frequency))
        advance = poles * exact(self.log_step).exp()[:, None]
        return advance, torch.view_as_complex(exact(self.output)) * (advance.exp() - 1) / poles
