"""Softmax attention, plain or fused (SDPA), as the baseline of linear attention."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from genome_index.encoders.networks.performer import PerformerConfig, SlimPerformer, Start


def softmax_transformer(config: PerformerConfig, fused: bool) -> SlimPerformer:
    """The network with causal softmax attention, not linear; it cannot read piece by piece."""
    model = SlimPerformer(config)
    for layer in model.blocks:
        layer.add_module("attention", SoftmaxAttention(config, fused))
    return model


class SoftmaxAttention(nn.Module):
    """Causal softmax attention with the interface of `LinearAttention`."""

    state_shape = (1, 1, 1)  # unused: there are no sums

    def __init__(self, config: PerformerConfig, fused: bool) -> None:
        super().__init__()
        self.heads, self.fused = config.heads, fused
        self.qkv = nn.Linear(config.width, 3 * config.width)

    def forward(self, x: Tensor, start: Start, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        q, k, v = self.qkv(x).view(*x.shape[:2], 3, self.heads, -1).permute(2, 0, 3, 1, 4)  # (B, H, L, D)
        if self.fused:
            attended = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            later = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1)
            scores = (q @ k.mT * q.shape[-1] ** -0.5).masked_fill_(later, float("-inf"))
            attended = scores.softmax(-1) @ v
        return attended.transpose(1, 2).flatten(2), start(x.new_zeros(()))
