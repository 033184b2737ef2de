"""Mixture of experts in place of DNABERT-2's gated feed-forward part.

Each expert is such a part without its norm, which stays outside and after the sum, as in the dense part; so
experts that are copies of it compute what it computes (sparse upcycling, Komatsuzaki et al. 2023, arXiv
2212.05055). The router has no bias.

Shapes: B sequences, T tokens, H width, N tokens that are not padding, E experts.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from genome_index.encoders.networks.annotation.config import AnnotationConfig
from genome_index.encoders.networks.annotation.routing import (
    Choices,
    Routing,
    by_expert,
    capacity,
    choose,
    logits_of,
)


class Expert(nn.Module):
    """The gated feed-forward part of DNABERT-2 without its norm and without the sum with its input."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.gated_layers = nn.Linear(width, 2 * inner, bias=False)
        self.wo = nn.Linear(inner, width)

    def forward(self, states: Tensor) -> Tensor:
        """(N, H) -> (N, H)."""
        gate, value = self.gated_layers(states).chunk(2, dim=-1)
        out: Tensor = self.wo(functional.gelu(gate) * value)
        return out


class GatedExperts(nn.Module):
    """E experts, each token's top k of them weighted by the router, and the norm: (B, T, H) -> (B, T, H)."""

    def __init__(self, config: AnnotationConfig) -> None:
        super().__init__()
        self.top_k = config.top_k
        self.capacity_training, self.capacity_evaluation = (
            config.capacity_training, config.capacity_evaluation,
        )  # fmt: skip
        self.router = nn.Linear(config.width, config.experts, bias=False)
        self.experts = nn.ModuleList(Expert(config.width, config.inner) for _ in range(config.experts))
        self.layernorm = nn.LayerNorm(config.width, config.epsilon)

    def forward(
        self, states: Tensor, mask: Tensor | None = None, limited: bool = True
    ) -> tuple[Tensor, Routing]:
        """The states and what the routing was.

        Parameters
        ----------
        states
            (B, T, H).
        mask
            (B, T), False for padding, which no expert reads and no loss counts; None without padding.
        limited
            Whether experts have the capacity of the configuration; without it no choice is dropped.
        """
        tokens, places = _tokens(states, mask)
        choices = choose(logits_of(tokens, self.router.weight), self.top_k)
        mixed, routing = self._mixed(tokens, choices, self._capacity(len(tokens)) if limited else None)
        added = torch.zeros_like(states).flatten(0, 1).index_copy(0, places, mixed.to(states.dtype))
        normed: Tensor = self.layernorm(states + added.view_as(states))
        return normed, routing

    def _capacity(self, tokens: int) -> int | None:
        factor = self.capacity_training if self.training else self.capacity_evaluation
        return capacity(tokens, len(self.experts), self.top_k, factor)

    def _mixed(self, tokens: Tensor, choices: Choices, most: int | None) -> tuple[Tensor, Routing]:
        """The weighted sum of each token's experts: (N, H) -> (N, H)."""
        mixed, taken = torch.zeros_like(tokens), 0
        weights = choices.weights.flatten()
        for expert, group in zip(
            self.experts, by_expert(choices.experts, choices.routing.load, most), strict=True
        ):
            rows = group // self.top_k
            read = expert(tokens.index_select(0, rows)) * weights[group, None]
            mixed = mixed.index_add(0, rows, read.to(mixed.dtype))
            taken += len(group)
        dropped = choices.routing.load.sum() - taken
        return mixed, replace(choices.routing, dropped=dropped)


def _tokens(states: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """The tokens that are not padding, (N, H), and their places in the flattened (B, T).

    Position by position and not sequence by sequence: where an expert is full, the ends of all sequences are
    dropped, not all of the last sequence, and no token loses a place to a later one.
    """
    batch, length = states.shape[:2]
    places = torch.arange(batch * length, device=states.device).view(batch, length).T
    places = places.flatten() if mask is None else places[mask.T]
    return states.flatten(0, 1).index_select(0, places), places
