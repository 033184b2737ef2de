"""Feature maps of linear attention: attention is the inner product of a query's and a key's features.

relu       max(x, 0) + 0.001
elu+1      Katharopoulos et al. 2020 (arXiv 2006.16236)
squared    x * x, which the SLiM Performer's authors use
favor+     random positive features of exp(q.k / sqrt(head)), Choromanski et al. 2021 (arXiv 2009.14794)
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

FeatureName = Literal["relu", "elu+1", "squared", "favor+"]
LEAST = 1e-3  # added to relu, or a query could have attention 0 to every key; as FAVOR's authors do


class FeatureMap(nn.Module):
    """One map for the queries and keys of all heads of a layer: (..., head) -> (..., dim), none negative."""

    directions: Tensor  # (dim, head), for favor+ only

    def __init__(self, name: FeatureName, head: int, random: int) -> None:
        super().__init__()
        self.name, self.head = name, head
        self.dim = random if name == "favor+" else head
        if name == "favor+":
            self.register_buffer("directions", torch.empty(random, head))

    def redraw(self, generator: torch.Generator) -> None:
        """Draw new random directions from a generator on the CPU; only favor+ has any."""
        if self.name == "favor+":
            directions = orthogonal_gaussians(self.dim, self.head, generator)
            self.directions.copy_(directions.float())  # the same in a network of float64

    def forward(self, x: Tensor) -> Tensor:
        if self.name == "relu":
            return functional.relu(x) + LEAST
        if self.name == "elu+1":
            return functional.elu(x) + 1
        if self.name == "squared":
            return x.square()
        return self._favor(x * self.head**-0.25)

    def _favor(self, x: Tensor) -> Tensor:
        """Random features whose inner product is exp(q.k) in the mean over draws.

        The exponent is used without subtracting its maximum: a running maximum would depend on the pieces
        that a sequence is read in, and the exponent is at most half a direction's squared length, about
        head / 2.
        """
        directions = self.directions.to(x.dtype)
        exponent: Tensor = x @ directions.mT - x.square().sum(-1, keepdim=True) / 2
        return exponent.exp() / math.sqrt(self.dim)


def orthogonal_gaussians(rows: int, dim: int, generator: torch.Generator) -> Tensor:
    """Gaussian rows, orthogonal in blocks of `dim`: (rows, dim) float64.

    Each row alone is a standard Gaussian, so estimates stay unbiased; together they vary less.
    """
    blocks = []
    for _ in range(0, rows, dim):
        gaussian = torch.randn(dim, dim, generator=generator, dtype=torch.float64)
        rotation, triangle = torch.linalg.qr(gaussian)
        blocks.append(rotation * torch.diagonal(triangle).sign())  # or it would not be uniform over rotations
    lengths = torch.randn(rows, dim, generator=generator, dtype=torch.float64).norm(dim=1, keepdim=True)
    gaussians: Tensor = torch.cat(blocks)[:rows] * lengths
    return gaussians
