"""Layers of ESM and BERT under the names that published weights give them."""

from __future__ import annotations

from torch import nn


class Projections(nn.Module):
    """Queries, keys and values of self-attention."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))


class Dense(nn.Module):
    """A linear layer by the name `dense`."""

    def __init__(self, width_in: int, width_out: int, biased: bool = True) -> None:
        super().__init__()
        self.dense = nn.Linear(width_in, width_out, bias=biased)
