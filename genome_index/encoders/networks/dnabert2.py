"""DNABERT-2 and DNABERT-S, with the published names of their weights.

Zhou et al. 2024 (arXiv 2306.15006). A post-norm encoder without a position table: attention loses strength
with distance (ALiBi, Press et al. 2022, arXiv 2108.12409), here in both directions. The feed-forward part is
gated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from genome_index.encoders.checkpoint import Sizes, fill, read_sizes, read_weights, without_prefix

IGNORED = ("cls.", "pooler.", "embeddings.position_ids")
TOKEN_TYPES = 2  # only the first is ever used
ALIGNED = 64  # a row of the bias is a multiple of it: attention on a GPU copies all of one that is not of 8


def is_dnabert2(config: Mapping[str, Any]) -> bool:
    """Whether config.json describes one; it may lack model_type, and name any class of Bert."""
    named = f"{config.get('architectures')} {config.get('auto_map')} {config.get('model_type')}"
    return "alibi_starting_size" in config and "bert" in named.lower()


def open_dnabert2(folder: Path, config: Mapping[str, Any]) -> tuple[DnaBert2, list[str]]:
    """The model in a folder, and the names of weights that it has no place for.

    Raises
    ------
    ModelError
    """
    sizes, weights = read_sizes(config, str(folder)), without_prefix(read_weights(folder), "bert.")
    with torch.device("meta"):
        model = DnaBert2(sizes)
    return model, fill(model, weights, str(folder), IGNORED)


def alibi_slopes(heads: int) -> list[float]:
    """How fast each head forgets with distance, in nats a token.

    A geometric row where the heads are a power of two; else the row of the next lower one, then every second
    of the next higher one.

    >>> alibi_slopes(6)[:4]
    [0.25, 0.0625, 0.015625, 0.00390625]
    """
    power = 1 << (heads.bit_length() - 1)
    slopes = [2.0 ** (-8 * number / power) for number in range(1, power + 1)]
    between = [2.0 ** (-4 * number / power) for number in range(1, 2 * power, 2)]
    return (slopes + between)[:heads]


class DnaBert2(nn.Module):
    """A `LanguageModel`; see there and the module's docstring."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.layers, self.width, self.vocabulary = sizes.layers, sizes.width, sizes.vocabulary
        self.most_tokens: int | None = None
        self.slopes = alibi_slopes(sizes.heads)
        self.embeddings = Embeddings(sizes)
        self.encoder = Encoder(sizes)
        self._bias: Tensor | None = None

    def hidden(self, ids: Tensor, mask: Tensor | None) -> Iterator[Tensor]:
        """Hidden states, layer by layer: (B, T) -> (B, T, H) each."""
        states, tokens = self.embeddings.of(ids), ids.shape[1]
        bias = self._bias_like(states)[None]
        if mask is not None:
            wide = functional.pad(mask, (0, bias.shape[-1] - tokens))[:, None, None, :]
            bias = bias.masked_fill(~wide, float("-inf"))
        bias = bias[..., :tokens]  # (1 or B, heads, T, T)
        yield states
        for block in self.encoder.layer:
            states = block(states, bias)
            yield states

    def _bias_like(self, states: Tensor) -> Tensor:
        """What attention loses with distance: (heads, T, W), where W is T or some more, as `ALIGNED` says.

        That of the longest batch so far is kept: its corner is that of a shorter one.
        """
        wide, kept = -(-states.shape[1] // ALIGNED) * ALIGNED, self._bias
        where = (states.device, states.dtype)
        if kept is None or len(kept[0]) < wide or (kept.device, kept.dtype) != where:
            places = torch.arange(wide, dtype=torch.float32)
            distance = (places[:, None] - places[None, :]).abs()
            self._bias = kept = (-torch.tensor(self.slopes)[:, None, None] * distance).to(*where)
        return kept[:, : states.shape[1], :wide]


class Embeddings(nn.Module):
    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(sizes.vocabulary, sizes.width)
        self.token_type_embeddings = nn.Embedding(TOKEN_TYPES, sizes.width)
        self.LayerNorm = nn.LayerNorm(sizes.width, sizes.epsilon)

    def of(self, ids: Tensor) -> Tensor:
        """Layer 0: (B, T) -> (B, T, H)."""
        states: Tensor = self.LayerNorm(self.word_embeddings(ids) + self.token_type_embeddings.weight[0])
        return states


class Encoder(nn.Module):
    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.layer = nn.ModuleList(Block(sizes) for _ in range(sizes.layers))


class Block(nn.Module):
    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.attention = Attention(sizes)
        self.mlp = Gated(sizes)

    def forward(self, states: Tensor, bias: Tensor) -> Tensor:
        """(B, T, H) -> (B, T, H); `bias` is (1 or B, heads, T, T)."""
        mixed: Tensor = self.mlp(self.attention(states, bias))
        return mixed


class Attention(nn.Module):
    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.self = Projection(sizes)
        self.output = Output(sizes)

    def forward(self, states: Tensor, bias: Tensor) -> Tensor:
        query, key, value = self.self.split(states)
        found = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        mixed: Tensor = self.output.LayerNorm(states + self.output.dense(found.transpose(1, 2).flatten(2)))
        return mixed


class Projection(nn.Module):
    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.heads = sizes.heads
        self.Wqkv = nn.Linear(sizes.width, 3 * sizes.width)

    def split(self, states: Tensor) -> tuple[Tensor, ...]:
        """Queries, keys and values: (B, T, H) -> three of (B, heads, T, H / heads)."""
        joined: Tensor = self.Wqkv(states).unflatten(-1, (3, self.heads, -1))
        return joined.permute(2, 0, 3, 1, 4).unbind()


class Output(nn.Module):
    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.dense = nn.Linear(sizes.width, sizes.width)
        self.LayerNorm = nn.LayerNorm(sizes.width, sizes.epsilon)


class Gated(nn.Module):
    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.gated_layers = nn.Linear(sizes.width, 2 * sizes.inner, bias=False)
        self.wo = nn.Linear(sizes.inner, sizes.width)
        self.layernorm = nn.LayerNorm(sizes.width, sizes.epsilon)

    def forward(self, states: Tensor) -> Tensor:
        gate, value = self.gated_layers(states).chunk(2, dim=-1)
        mixed: Tensor = self.layernorm(states + self.wo(functional.gelu(gate) * value))
        return mixed
