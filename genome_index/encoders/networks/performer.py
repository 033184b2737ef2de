"""SLiM Performer network: linear attention whose past is a sum of fixed size.

Likhosherstov et al. 2021 (arXiv 2012.11346). With features f, the output at a position is f(q) S / f(q) z,
where S sums f(k) v and z sums f(k) over the keys that the position sees. So a causal network reads a sequence
piece by piece and carries only these sums, at any length. Here v has a column of ones, so z is the last
column of S.

Shapes: B sequences, L positions, H heads, M features, D width of a head, N blocks, C positions of a block.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, cast, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from genome_index.encoders.networks.feature_maps import FeatureMap, FeatureName
from genome_index.errors import UsageError

BLOCK = 128  # positions compared pair by pair; those before are summed. 64 to 256 are about as fast
NEVER_ZERO = 1e-16  # added to each divisor
LONGEST_WAVE = 10_000.0  # Vaswani et al. 2017; beyond it the shorter waves together tell positions apart

# The sums before a piece, given those of the piece itself: (B, H, M, D + 1) -> the same
Start = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class PerformerConfig:
    """The shape of a network; config.json holds these fields by these names."""

    vocab: int
    width: int = 64
    layers: int = 2
    heads: int = 4
    ffn: int = 256  # width within the feed-forward part
    features: FeatureName = "squared"
    random_features: int = 64  # of favor+, a head
    causal: bool = True  # False: each position sees all positions
    pre_norm: bool = True  # a layer normalises its input; False: its output (the authors' "on_gptln")
    head: bool = True  # a linear layer gives logits of the next token
    places: bool = True  # half of the width embeds the position; False: all of it embeds the token
    last_norm: bool = True  # with pre_norm, a norm after the last layer; the authors' network has none

    def __post_init__(self) -> None:
        if self.features not in get_args(FeatureName):
            known = ", ".join(get_args(FeatureName))
            raise UsageError(f"no features are called {self.features!r}; choose one of: {known}")
        if self.width % 4 or self.width % self.heads:
            raise UsageError(
                f"a width of {self.width} does not go with {self.heads} heads; "
                f"take a multiple of 4 and of the heads, such as {32 * self.heads}"
            )


class State(NamedTuple):
    """All that a causal network remembers of the tokens it has read."""

    position: int  # tokens read
    sums: tuple[Tensor, ...]  # one a layer, (B, H, M, D + 1) float64: adding and subtracting must cancel


class SlimPerformer(nn.Module):
    """Token ids to hidden states, whole with `forward` or piece by piece with `step`: both give the same."""

    def __init__(self, config: PerformerConfig, seed: int = 0) -> None:
        super().__init__()
        self.config = config
        embedded = config.width // 2 if config.places else config.width  # the other half is the position
        self.embedding = nn.Embedding(config.vocab, embedded)
        self.blocks = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width) if config.pre_norm and config.last_norm else nn.Identity()
        self.head = nn.Linear(config.width, config.vocab) if config.head else None
        self.redraw(seed)

    def redraw(self, seed: int) -> None:
        """Draw new random features for favor+; the same seed gives the same ones."""
        generator = torch.Generator().manual_seed(seed)
        for attention in self._attentions():
            attention.features.redraw(generator)

    def forward(self, ids: Tensor, mask: Tensor | None = None) -> Tensor:
        """Hidden states: (B, L) -> (B, L, width). No position sees one whose mask (B, L) is False."""
        normed: Tensor = self.norm(self.through(self.embed(ids), mask))
        return normed

    def embed(self, ids: Tensor, start: int = 0, positions: Tensor | None = None) -> Tensor:
        """Layer 0, each token and its position: (B, L) -> (B, L, width).

        `positions` may be given where the caller has cached them; they are those of the method `positions`.
        """
        tokens: Tensor = self.embedding(ids)
        if not self.config.places:
            return tokens
        if positions is None:
            positions = self.positions(ids.shape[1], start)
        return torch.cat([tokens, positions.expand(len(ids), -1, -1)], dim=2)

    def positions(self, length: int, start: int = 0) -> Tensor:
        """Position embeddings from `start` on: (length, width / 2)."""
        return waves(start, length, self.config.width // 2).to(self.embedding.weight)

    def through(self, x: Tensor, mask: Tensor | None = None, blocks: slice = slice(None)) -> Tensor:
        """The output of some blocks, by default all, before the last norm: (B, L, width) -> the same."""
        for layer in self.blocks[blocks]:
            x, _ = layer(x, partial(_given, self._nothing(cast(Layer, layer), len(x))), mask)
        return x

    def logits(self, hidden: Tensor) -> Tensor:
        """Logits of the token after each position: (B, L, width) -> (B, L, vocab)."""
        if self.head is None:
            raise UsageError("this network has no head to predict tokens with; make it with head=True")
        logits: Tensor = self.head(hidden)
        return logits

    def start(self, batch: int) -> State:
        """The state before the first token: zeros."""
        return State(0, tuple(self._nothing(cast(Layer, layer), batch) for layer in self.blocks))

    def step(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        """Read the ids (B, L) that come after `state` -> hidden states and the state after them."""
        self._need_causal()
        starts = [partial(_given, sums) for sums in state.sums]
        hidden, sums = self._read(ids, state.position, starts)
        return hidden, State(state.position + ids.shape[1], sums)

    def step_back(self, ids: Tensor, end: State) -> tuple[Tensor, State, State]:
        """Read the last ids (B, L) before `end` once more -> hidden states, end, start.

        The state before them is `end` less what these ids add to it, computed layer by layer on the way,
        since each layer's sums depend on the output of the layer below. It is a leaf that gathers gradients.
        """
        self._need_causal()
        position = end.position - ids.shape[1]
        starts: list[Tensor] = []

        def before(sums: Tensor, own: Tensor) -> Tensor:
            starts.append((sums - own if position else torch.zeros_like(sums)).requires_grad_())
            return starts[-1]

        hidden, ends = self._read(ids, position, [partial(before, sums) for sums in end.sums])
        return hidden, State(end.position, ends), State(position, tuple(starts))

    def _read(self, ids: Tensor, position: int, starts: Sequence[Start]) -> tuple[Tensor, tuple[Tensor, ...]]:
        x, ends = self.embed(ids, position), list[Tensor]()
        for layer, start in zip(self.blocks, starts, strict=True):
            x, end = layer(x, start, None)
            ends.append(end)
        return self.norm(x), tuple(ends)

    def _nothing(self, layer: Layer, batch: int) -> Tensor:
        shape, device = (batch, *layer.attention.state_shape), self.embedding.weight.device
        return torch.zeros(shape, dtype=torch.float64, device=device)

    def _attentions(self) -> list[LinearAttention]:
        return [cast(Layer, layer).attention for layer in self.blocks]

    def _need_causal(self) -> None:
        if not self.config.causal:
            raise UsageError(
                "this network reads both directions at once, so it cannot read piece by piece; "
                "use causal=True"
            )


class Layer(nn.Module):
    """Attention, then a feed-forward network, each with a residual connection."""

    def __init__(self, config: PerformerConfig) -> None:
        super().__init__()
        self.pre_norm = config.pre_norm
        self.attention = LinearAttention(config)
        self.within = nn.Linear(config.width, config.ffn)
        self.out = nn.Linear(config.ffn, config.width)
        self.norms = nn.ModuleList(nn.LayerNorm(config.width) for _ in range(2))

    def forward(self, x: Tensor, start: Start, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        first, second = self.norms
        attended, end = self.attention(first(x) if self.pre_norm else x, start, mask)
        x = x + (attended if self.pre_norm else first(attended))
        forwarded = self.out(functional.gelu(self.within(second(x) if self.pre_norm else x)))
        return x + (forwarded if self.pre_norm else second(forwarded)), end


class LinearAttention(nn.Module):
    """Linear attention of all heads; as in the paper, only the next layers mix heads."""

    def __init__(self, config: PerformerConfig) -> None:
        super().__init__()
        self.heads, self.causal = config.heads, config.causal
        width = config.width // config.heads
        self.qkv = nn.Linear(config.width, 3 * config.width)
        self.features = FeatureMap(config.features, width, config.random_features)
        self.state_shape = (config.heads, self.features.dim, width + 1)

    def forward(self, x: Tensor, start: Start, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """(B, L, width), sums before -> (B, L, width), sums after."""
        wide = self.qkv(x).view(*x.shape[:2], 3, self.heads, -1)  # (B, L, 3, H, D)
        with torch.autocast(x.device.type, enabled=False):  # sums over a sequence outgrow 8 bits of mantissa
            queries, keys, values = _at_least_float32(wide).permute(2, 0, 3, 1, 4)  # (B, H, L, D) each
            queries, keys = self.features(queries), self.features(keys)
            if mask is not None:
                keys = keys * mask[:, None, :, None]
            attend = causal_attention if self.causal else full_attention
            attended, end = attend(queries, keys, values, start)
        return attended.transpose(1, 2).flatten(2).to(x.dtype), end


def causal_attention(queries: Tensor, keys: Tensor, values: Tensor, start: Start) -> tuple[Tensor, Tensor]:
    """Attention to the past: (B, H, L, M) twice, (B, H, L, D) -> (B, H, L, D), sums after.

    A position sees itself and all positions before it.

    Within blocks pair by pair, beyond them by their sums: time and memory grow with L, not with its square.
    """
    length = queries.shape[2]
    q, k, v = (_in_blocks(part) for part in (queries, keys, _with_ones(values)))  # (B, H, N, C, ...)
    added = k.mT @ v  # (B, H, N, M, D + 1)
    total = added.sum(2, dtype=torch.float64)
    begin = start(total.detach())
    before = torch.cat([begin.to(added.dtype).unsqueeze(2), added[:, :, :-1]], dim=2).cumsum(2)
    mixed = (q @ k.mT).tril() @ v + q @ before
    return _divided(mixed.flatten(2, 3)[:, :, :length]), begin + total


def full_attention(queries: Tensor, keys: Tensor, values: Tensor, start: Start) -> tuple[Tensor, Tensor]:
    """Attention to all positions; shapes as in `causal_attention`."""
    total = keys.mT @ _with_ones(values)
    return _divided(queries @ total), start(total.detach()) + total


def waves(position: int, length: int, width: int) -> Tensor:
    """Sines and cosines of the positions from `position` on: (length, width) float64.

    At a million, float32 would put an angle off by 0.03.
    """
    at = torch.arange(position, position + length, dtype=torch.float64)
    rates = LONGEST_WAVE ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
    angles = at[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def _in_blocks(x: Tensor) -> Tensor:
    """Cut (B, H, L, ·) into (B, H, N, C, ·); zeros fill the last block and add nothing."""
    batch, heads, length, width = x.shape
    size = min(length, BLOCK)
    return functional.pad(x, (0, 0, 0, -length % size)).reshape(batch, heads, -1, size, width)


def _with_ones(values: Tensor) -> Tensor:
    return functional.pad(values, (0, 1), value=1.0)


def _divided(mixed: Tensor) -> Tensor:
    return mixed[..., :-1] / (mixed[..., -1:] + NEVER_ZERO)


def _at_least_float32(x: Tensor) -> Tensor:
    return x if x.dtype == torch.float64 else x.float()


def _given(sums: Tensor, own: Tensor) -> Tensor:
    return sums
