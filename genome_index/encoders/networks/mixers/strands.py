"""Equivariance by construction: one network reads both strands, and each position hears of both.

As in Caduceus-PS (Schiff et al. 2024, arXiv 2403.03234): the states of a sequence are those of the network
on it, beside those on its reverse complement in reverse order; the logits are the sum of both heads, with the
letters of the second complemented. So the logits of the reverse complement are those of the sequence,
reversed and complemented, whatever the weights.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from genome_index.encoders.networks.mixers.network import MixerNetwork
from genome_index.encoders.tokenizers.kmers import SPECIAL_TOKENS

BASES = 4


def complement_table(vocabulary: int) -> Tensor:
    """The id of each token's complement; special ones, N and what else there is are their own: (V,).

    >>> complement_table(9).tolist()
    [0, 1, 2, 3, 7, 6, 5, 4, 8]
    """
    table, first = torch.arange(vocabulary), len(SPECIAL_TOKENS)
    table[first : first + BASES] = table[first : first + BASES].flip(0)
    return table


def states_of_both(network: MixerNetwork, ids: Tensor, mask: Tensor | None = None) -> Iterator[Tensor]:
    """States of each layer: (B, L) -> (B, L, 2 D) each."""
    other = complement_table(network.config.vocab).to(ids.device)[ids].flip(1)
    flipped = None if mask is None else mask.flip(1)
    for own, there in zip(network.states(ids, mask), network.states(other, flipped), strict=True):
        yield torch.cat([own, there.flip(1)], dim=-1)


def logits_of_both(network: MixerNetwork, hidden: Tensor) -> Tensor:
    """(B, L, 2 D) -> (B, L, V)."""
    own, there = hidden.chunk(2, dim=-1)
    table = complement_table(network.config.vocab).to(hidden.device)
    return network.logits(own) + network.logits(there)[..., table]
