"""Coordinates as pointers: the model chooses a token of its source instead of writing a number.

A number says nothing of the sequence that it counts, and free numbers were never learned (the published
runs of this design have F1 0.0). A pointer is a product of the decoder's state and an encoder's state, so
that what is learned of a start codon at one place holds at all places.

An anchor is the source token that the last start of the target lies in: starts are in order, and an end is
not before its start. Pointers before the anchor are impossible, and those behind it lose score with their
distance, at a rate that is learned: "the next gene" and "the first stop codon in frame" are then the
highest of several equal scores. Cross-attention is biased by the distance from the anchor in both
directions, as ALiBi biases self-attention.

Shapes: B sequences, T source tokens, U target tokens, H width.
"""

from __future__ import annotations

import math
from enum import IntEnum

import torch
from torch import Tensor, nn
from torch.nn import functional

from genome_index.encoders.networks.annotation.one_way import away

RAW_DECAY = math.log(math.expm1(0.02))  # softplus of it is 0.02 nats a token at first


class PointerKind(IntEnum):
    """What a pointer points at: the first or the last base of a feature."""

    START = 0
    END = 1


class PointerHead(nn.Module):
    """Scores of source tokens, and the decoder's input for those that were pointed at."""

    def __init__(self, width: int, epsilon: float = 1e-12) -> None:
        super().__init__()
        self.width = width
        self.inputs = nn.Linear(width, width)
        self.kinds = nn.Embedding(len(PointerKind), width)
        self.LayerNorm = nn.LayerNorm(width, epsilon)
        self.queries = nn.Linear(width, len(PointerKind) * width)
        self.keys = nn.Linear(width, width)
        self.decay = nn.Parameter(torch.full((len(PointerKind),), RAW_DECAY))

    def embed(self, encoded: Tensor, places: Tensor, kinds: Tensor) -> Tensor:
        """The decoder's input for pointers: (B, T, H), (B, U) places, (B, U) kinds -> (B, U, H)."""
        chosen = encoded.gather(1, places[..., None].expand(-1, -1, self.width))
        states: Tensor = self.LayerNorm(self.inputs(chosen) + self.kinds(kinds))
        return states

    def scores(self, states: Tensor, encoded: Tensor, anchors: Tensor, kinds: Tensor) -> Tensor:
        """Logits of each source token: (B, U, H), (B, T, H), (B, U) anchors, (B, U) kinds -> (B, U, T).

        -inf before the anchor.
        """
        queries = self.queries(states).unflatten(-1, (len(PointerKind), self.width))
        own = queries.gather(2, kinds[..., None, None].expand(-1, -1, 1, self.width))[:, :, 0]
        alike = own @ self.keys(encoded).transpose(1, 2) / math.sqrt(self.width)
        behind = distances(anchors, encoded.shape[1])
        decay = functional.softplus(self.decay)[kinds][..., None]
        scores: Tensor = (alike - decay * behind).masked_fill(behind < 0, float("-inf"))
        return scores


def distances(anchors: Tensor, tokens: int) -> Tensor:
    """Source tokens behind the anchor, negative before it: (B, U) -> (B, U, T) float32."""
    return (torch.arange(tokens, device=anchors.device) - anchors[..., None]).float()


def anchor_bias(anchors: Tensor, tokens: int, slopes: list[float], *, one_way: bool = False) -> Tensor:
    """Bias of cross-attention by the distance from the anchor: (B, U) -> (B, heads, U, T)."""
    behind = distances(anchors, tokens)
    bias = -torch.tensor(slopes, device=anchors.device)[:, None, None] * behind.abs()[:, None]
    return bias + away(behind, len(slopes)) if one_way else bias
