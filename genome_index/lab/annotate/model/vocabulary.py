"""Vocabulary of an annotation model: rows of new tokens in its embeddings and its head."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

NOISE = 0.1  # of new rows, as a share of the standard deviation of each column of the old ones


def grown(rows: Tensor, count: int, generator: Generator) -> Tensor:
    """The rows, unchanged to the bit, and new ones up to `count`: (V, H) -> (count, H).

    A new row is the mean of the old ones and noise, so that no new token is likelier than the old ones are
    on average, and no two are equal.
    """
    new = count - len(rows)
    noise = torch.randn((new, rows.shape[1]), generator=generator)
    return torch.cat([rows, rows.mean(0) + NOISE * rows.std(0) * noise])


def grown_bias(bias: Tensor, count: int) -> Tensor:
    """The biases of the head, unchanged, and the mean of them for each new token: (V,) -> (count,)."""
    return torch.cat([bias, bias.mean().expand(count - len(bias))])
