"""Chaos game path: each base draws the point half of the way to its corner.

Jeffrey 1990 (Nucleic Acids Res. 18, 2163): P_t = (P_{t-1} + corner(s_t)) / 2, from the centre, with A at
(0, 0), C at (0, 1), G at (1, 1) and T at (1, 0). Predicted probabilities draw it to the mean of the corners,
and a base that is not known to the centre.
"""

from __future__ import annotations

import torch
from torch import Tensor

from genome_index.lab.losses.reading import Reading

CORNERS = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 0.0]])  # of A, C, G, T
CENTRE = 0.5
REACH = 30  # bases that count: the weight of the next one is below 1e-9


def chaos_path(bases: Tensor) -> Tensor:
    """The points of sequences: probabilities of bases (B, L, 4) -> (B, L, 2)."""
    drawn = bases @ (CORNERS - CENTRE).to(bases)  # from the centre, so that nothing draws to it
    return CENTRE + _halved_sums(drawn)


def chaos_game(reading: Reading) -> Tensor:
    """Mean squared distance between the predicted and the true path, over known bases: ()."""
    apart = chaos_path(reading.probabilities) - chaos_path(reading.labels)
    return apart.square().sum(-1)[reading.known].mean()


def _halved_sums(steps: Tensor) -> Tensor:
    """The sum over j of steps[t - j] / 2 ** (j + 1), back to REACH bases: (B, L, D) -> (B, L, D)."""
    size = min(REACH, steps.shape[1])
    weights = 0.5 ** torch.arange(size, 0, -1).to(steps)
    kernel = weights.expand(steps.shape[2], 1, size)
    padded = torch.nn.functional.pad(steps.mT, (size - 1, 0))
    return torch.nn.functional.conv1d(padded, kernel, groups=steps.shape[2]).mT
