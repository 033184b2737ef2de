"""Losses on the walk of a sequence: squared error, or a Gaussian whose variance grows or is learned.

With e the distance between the predicted and the true walk after t bases:

    squared     mean of e^2; the Gaussian of variance 1 is half of it
    growing     mean of (e^2 / (t s) + 2 log(t s)) / 2 in two dimensions, s = 1: the error of a random walk
                grows so
    learned     the same, with log s learned beside the network

A step of the walk moves all later points, so early bases weigh more: by L - t in squared, by the sum of 1 / t
from there on in the others.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from genome_index.lab.losses.reading import Reading
from genome_index.lab.losses.walks import Walk, walk_of


class SquaredLine:
    """Mean squared distance between the walks, over known bases."""

    def __init__(self, walk: str = "yau") -> None:
        self.walk = walk_of(walk)

    def __call__(self, reading: Reading) -> Tensor:
        return squares(self.walk, reading)[reading.known].mean()


class GaussianLine(nn.Module):
    """Negative log-likelihood of the true walk around the predicted one, without the constant log(2 pi)."""

    def __init__(self, walk: str = "yau", learned: bool = False) -> None:
        super().__init__()
        self.walk = walk_of(walk)
        self.log_variance = nn.Parameter(torch.zeros(()), requires_grad=learned)  # after one base, of an axis

    def forward(self, reading: Reading) -> Tensor:
        bases = reading.known.cumsum(1).clamp(min=1)  # t of each position
        log_variance = self.log_variance + bases.log()
        terms = squares(self.walk, reading) * torch.exp(-log_variance) / 2 + log_variance
        return terms[reading.known].mean()


def squares(walk: Walk, reading: Reading) -> Tensor:
    """Squared distance between the predicted and the true walk at each base: (B, L)."""
    apart = walk.path(reading.probabilities) - walk.path(reading.labels)
    points = apart.square().sum(-1)
    return points.view(len(points), -1, walk.stops).mean(-1)
