"""Weighted sums of losses.

fixed         the weights as given
initial       each loss is divided by its value on the first batch, so that weights compare shares
uncertainty   each loss has a learned s: the sum of w (exp(-s) L + s) / 2, after Kendall, Gal and Cipolla
              2018 (arXiv 1705.07115). A loss that cannot be lowered gets a low weight
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from genome_index.errors import UsageError
from genome_index.lab.losses.reading import Reading
from genome_index.lab.losses.table import Loss, loss_of

NEVER_ZERO = 1e-6  # a loss is not divided by less

Weighing = Literal["fixed", "initial", "uncertainty"]


class WeightedSum(nn.Module):
    """The losses of a run; what it learns and remembers is saved with the network's weights.

    Parameters
    ----------
    parts
        A weight, a positive number, and the name of a loss each (`table.py`).
    """

    def __init__(self, parts: Sequence[tuple[float, str]], weighing: Weighing = "fixed") -> None:
        super().__init__()
        _check(parts, weighing)
        self.names, self.weighing = [name for _, name in parts], weighing
        self.losses: list[Loss] = [loss_of(name) for name in self.names]
        self.learned = nn.ModuleList(loss for loss in self.losses if isinstance(loss, nn.Module))
        self.weights = [weight for weight, _ in parts]
        self.uncertainty = nn.Parameter(torch.zeros(len(parts)), requires_grad=weighing == "uncertainty")
        self.first: Tensor  # values on the first batch
        self.register_buffer("first", torch.full((len(parts),), torch.nan))

    def forward(self, reading: Reading) -> Tensor:
        return self.summed(self.values(reading))

    def values(self, reading: Reading) -> Tensor:
        """Each loss by itself: (P,)."""
        return torch.stack([loss(reading).float() for loss in self.losses])

    def summed(self, values: Tensor) -> Tensor:
        """The weighted sum of the losses: (P,) -> ()."""
        weights = torch.tensor(self.weights, device=values.device)
        if self.weighing == "uncertainty":
            return (weights * (torch.exp(-self.uncertainty) * values + self.uncertainty)).sum() / 2
        if self.weighing == "initial":
            if self.training and self.first.isnan().any():
                self.first.copy_(values.detach().abs().clamp(min=NEVER_ZERO))
            values = values / self.first
        return (weights * values).sum()


def _check(parts: Sequence[tuple[float, str]], weighing: str) -> None:
    if not parts or any(weight <= 0 for weight, _ in parts):
        raise UsageError("give at least one loss, each with a weight above 0")
    if weighing not in get_args(Weighing):
        raise UsageError(f"no weighing is called {weighing!r}; choose {', '.join(get_args(Weighing))}")
