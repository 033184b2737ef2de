"""Decoder of the annotation model: DNABERT-2's blocks, made causal, with cross-attention to an encoder.

Self-attention and feed-forward part are post-norm with ALiBi, as in the encoder: -slope |i - j| of both
directions is that of a causal network under a causal mask, so copied weights keep their meaning.

Cross-attention is new, and its norm (weight 1, bias 0) is at its input: x + W attend(norm(x), encoder). After
the sum, as elsewhere in the block, it would take from x the weight and bias of the copied norm before it, and
the decoder would not begin as the causal copy of the encoder even where W is zero.

Shapes: B sequences, U target tokens, P target tokens before them, T source tokens, H width.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

from genome_index.encoders.networks.annotation.config import AnnotationConfig
from genome_index.encoders.networks.annotation.experts import GatedExperts
from genome_index.encoders.networks.annotation.routing import Routing
from genome_index.encoders.networks.dnabert2 import ALIGNED, Attention, Gated, alibi_slopes
from genome_index.encoders.networks.named_layers import Projections


@dataclass
class LayerCache:
    """Keys and values of one decoder layer, (B, heads, P or T, H / heads) each; None before the first."""

    keys: Tensor | None = None
    values: Tensor | None = None
    cross_keys: Tensor | None = None  # of the encoder's states, computed once
    cross_values: Tensor | None = None

    def extend(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of all target tokens so far."""
        if self.keys is not None and self.values is not None:
            keys = torch.cat([self.keys, keys], dim=2)
            values = torch.cat([self.values, values], dim=2)
        self.keys, self.values = keys, values
        return keys, values


@dataclass
class DecoderCache:
    """What a decoder keeps of the tokens that it has read; an empty one begins a target."""

    layers: list[LayerCache] = field(default_factory=list)

    @property
    def tokens(self) -> int:
        """P, target tokens read so far."""
        keys = self.layers[0].keys if self.layers else None
        return 0 if keys is None else keys.shape[2]


class CausalAttention(Attention):
    """DNABERT-2's self-attention, with the keys and values of the tokens before."""

    def step(self, states: Tensor, bias: Tensor, cache: LayerCache | None) -> Tensor:
        """(B, U, H) -> (B, U, H); `bias` is (1, heads, U, P + U)."""
        query, key, value = self.self.split(states)
        if cache is not None:
            key, value = cache.extend(key, value)
        return self.mixed(states, functional.scaled_dot_product_attention(query, key, value, attn_mask=bias))


class CrossAttention(nn.Module):
    """Attention of target tokens to the encoder's states; see the module's docstring."""

    def __init__(self, config: AnnotationConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.LayerNorm = nn.LayerNorm(config.width, config.epsilon)
        self.self = Projections(config.width)
        self.output = nn.ModuleDict({"dense": nn.Linear(config.width, config.width)})

    def forward(
        self, states: Tensor, encoded: Tensor, bias: Tensor | None, cache: LayerCache | None
    ) -> Tensor:
        """(B, U, H), (B, T, H) -> (B, U, H); `bias` is (1 or B, 1 or heads, 1 or U, T)."""
        query = self._split(self.self.query(self.LayerNorm(states)))
        key, value = self._source(encoded, cache)
        attended = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        added: Tensor = self.output["dense"](attended.transpose(1, 2).flatten(2))
        return states + added

    def _source(self, encoded: Tensor, cache: LayerCache | None) -> tuple[Tensor, Tensor]:
        if cache is not None and cache.cross_keys is not None and cache.cross_values is not None:
            return cache.cross_keys, cache.cross_values
        key, value = self._split(self.self.key(encoded)), self._split(self.self.value(encoded))
        if cache is not None:
            cache.cross_keys, cache.cross_values = key, value
        return key, value

    def _split(self, states: Tensor) -> Tensor:
        """(B, T, H) -> (B, heads, T, H / heads)."""
        batch, tokens, width = states.shape
        return states.view(batch, tokens, self.heads, width // self.heads).transpose(1, 2)


def feed_forward(
    mlp: nn.Module, states: Tensor, mask: Tensor | None, routings: list[Routing] | None, limited: bool = True
) -> Tensor:
    """A dense feed-forward part, or experts, whose routing is appended to `routings`."""
    if not isinstance(mlp, GatedExperts):
        dense: Tensor = mlp(states)
        return dense
    mixed: Tensor
    mixed, routing = mlp(states, mask, limited)
    if routings is not None:
        routings.append(routing)
    return mixed


class DecoderBlock(nn.Module):
    def __init__(self, config: AnnotationConfig, with_experts: bool) -> None:
        super().__init__()
        self.attention = CausalAttention(config.encoder_sizes)
        self.crossattention = CrossAttention(config)
        self.mlp = GatedExperts(config) if with_experts else Gated(config.encoder_sizes)

    def forward(
        self, states: Tensor, bias: Tensor, encoded: Tensor, cross_bias: Tensor | None,
        target_mask: Tensor | None, cache: LayerCache | None, routings: list[Routing] | None,
    ) -> Tensor:  # fmt: skip
        """(B, U, H) -> (B, U, H)."""
        states = self.attention.step(states, bias, cache)
        states = self.crossattention(states, encoded, cross_bias, cache)
        # Capacity depends on the batch: with it, step by step would drop others than at once.
        return feed_forward(self.mlp, states, target_mask, routings, limited=cache is None)


class Decoder(nn.Module):
    """Target tokens to states, a whole target at once or step by step: both give the same."""

    def __init__(self, config: AnnotationConfig) -> None:
        super().__init__()
        self.slopes = alibi_slopes(config.heads)
        sparse = config.expert_layers("decoder")
        self.layer = nn.ModuleList(DecoderBlock(config, at in sparse) for at in range(config.decoder_layers))

    def forward(
        self, states: Tensor, encoded: Tensor, cross_bias: Tensor | None, target_mask: Tensor | None,
        cache: DecoderCache | None, routings: list[Routing] | None,
    ) -> Tensor:  # fmt: skip
        """The states of target tokens; see `AnnotationModel.decode`."""
        past = 0 if cache is None else cache.tokens
        if cache is not None and not cache.layers:
            cache.layers = [LayerCache() for _ in self.layer]
        bias = self._bias(past, states)
        for at, block in enumerate(self.layer):
            kept = None if cache is None else cache.layers[at]
            states = block(states, bias, encoded, cross_bias, target_mask, kept, routings)
        return states

    def _bias(self, past: int, states: Tensor) -> Tensor:
        """The decrease of attention with distance, and -inf for later tokens: (1, heads, U, P + U)."""
        new = states.shape[1]
        wide = -(-(past + new) // ALIGNED) * ALIGNED
        queries = torch.arange(past, past + new, device=states.device)
        distance = queries[:, None] - torch.arange(wide, device=states.device)
        slopes = torch.tensor(self.slopes, dtype=states.dtype, device=states.device)
        bias: Tensor = -slopes[:, None, None] * distance
        return bias.masked_fill(distance < 0, float("-inf"))[None, ..., : past + new]
