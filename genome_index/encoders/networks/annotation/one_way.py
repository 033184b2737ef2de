"""Heads that look one way: half of them at the tokens before, half at those behind, themselves included.

ALiBi knows the distance of two tokens but not which is first, and a reading frame ends at the first stop
codon *behind* its start. Models that begin at random have such heads in the encoder and in cross-attention,
where "before" is before the anchor; those made of DNABERT-2 keep its heads, which look both ways.
"""

from __future__ import annotations

import torch
from torch import Tensor

from genome_index.encoders.checkpoint import Sizes
from genome_index.encoders.networks.dnabert2 import DnaBert2, alibi_slopes

AWAY = -1e4  # added to scores of tokens on the other side; finite, as a padded token has no other on its side


class OneWayDnaBert2(DnaBert2):
    """DNABERT-2's network with heads that look one way."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__(sizes)
        self.slopes = one_way_slopes(sizes.heads)

    def _bias_of(self, tokens: int) -> Tensor:
        places = torch.arange(tokens)
        return super()._bias_of(tokens) + away(places - places[:, None], len(self.slopes))


def one_way_slopes(heads: int) -> list[float]:
    """The decrease of each head's attention with distance: two heads that look apart share one.

    >>> one_way_slopes(4)
    [0.0625, 0.0625, 0.00390625, 0.00390625]
    """
    return [slope for slope in alibi_slopes(heads // 2) for _ in range(2)]


def away(behind: Tensor, heads: int) -> Tensor:
    """What is added to the scores of tokens that a head does not look at: (..., U, T) -> (..., heads, U, T).

    `behind` counts tokens from the one that looks, negative for those before it. Even heads look back, odd
    ones ahead.
    """
    other_side = torch.stack([behind > 0, behind < 0], dim=-3)
    repeats = [1] * other_side.dim()
    repeats[-3] = heads // 2
    return torch.where(other_side, AWAY, 0.0).repeat(repeats)
