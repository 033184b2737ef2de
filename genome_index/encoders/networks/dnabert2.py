"""DNABERT-2 and DNABERT-S networks; weights keep their published names.

Zhou et al. 2024 (arXiv 2306.15006). A post-norm encoder without a position table: attention decreases with
distance (ALiBi, Press et al. 2022, arXiv 2108.12409), here in both directions. The feed-forward part is
gated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from genome_index.encoders.checkpoint import Sizes, fill, read_sizes, read_weights, without_prefix
from genome_index.encoders.networks.config_keys import check_settings, own_code
from genome_index.encoders.networks.length_cache import LengthCache

IGNORED = ("cls.", "pooler.", "embeddings.position_ids")
CODE = {"bert_layers", "configuration_bert"}  # the modules that come with both models
READ = (
    "alibi_starting_size", "hidden_size", "intermediate_size", "layer_norm_eps", "max_position_embeddings",
    "num_attention_heads", "num_hidden_layers", "vocab_size",
)  # fmt: skip
FIXED = {  # no position table, whatever the published "absolute" says
    "hidden_act": ("gelu",), "position_embedding_type": ("absolute", "alibi"), "type_vocab_size": (2,),
}  # fmt: skip
TOKEN_TYPES = 2  # only the first is ever used
ALIGNED = 64  # tokens in a row of the bias are a multiple: attention on a GPU copies rows not divisible by 8


def is_dnabert2(config: Mapping[str, Any]) -> bool:
    """Whether config.json describes one; model_type may be missing, and any class of Bert is accepted."""
    classes = f"{config.get('architectures')} {config.get('auto_map')} {config.get('model_type')}"
    ours = "bert" in classes.lower() and own_code(config).keys() <= CODE
    return ours and "alibi_starting_size" in config


def open_dnabert2(folder: Path, config: Mapping[str, Any]) -> tuple[DnaBert2, list[str]]:
    """The model in a folder, and the names of weights that the model does not use.

    Raises
    ------
    ModelError
    """
    check_settings(config, READ, FIXED, str(folder), "DNABERT-2")
    sizes, weights = read_sizes(config, str(folder)), without_prefix(read_weights(folder), "bert.")
    with torch.device("meta"):
        model = DnaBert2(sizes)
    return model, fill(model, weights, str(folder), IGNORED)


def alibi_slopes(heads: int) -> list[float]:
    """The decrease of each head's attention with distance, in nats a token.

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
        self._bias = LengthCache()

    def hidden(self, ids: Tensor, mask: Tensor | None) -> Iterator[Tensor]:
        """Hidden states, layer by layer: (B, T) -> (B, T, H) each."""
        states = self.embeddings.of(ids)
        bias = self.bias_of(states, mask)
        yield states
        for block in self.encoder.layer:
            states = block(states, bias)
            yield states

    def blocks(self) -> Iterator[Block]:
        """The layers, the first one first."""
        return iter(cast("Iterable[Block]", self.encoder.layer))

    def bias_of(self, states: Tensor, mask: Tensor | None) -> Tensor:
        """What is added to scores of attention: (B, T, H), (B, T) -> (1 or B, heads, T, T).

        It is the decrease with distance, and -inf where the mask is False.
        """
        tokens = states.shape[1]
        bias = self._bias_like(states)[None]
        if mask is not None:
            wide = functional.pad(mask, (0, bias.shape[-1] - tokens))[:, None, None, :]
            bias = bias.masked_fill(~wide, float("-inf"))
        return bias[..., :tokens]

    def _bias_like(self, states: Tensor) -> Tensor:
        """The decrease of attention with distance: (heads, T, W), where W is T rounded up to `ALIGNED`."""
        wide = -(-states.shape[1] // ALIGNED) * ALIGNED
        bias = self._bias.at_least(wide, self._bias_of, states.device, states.dtype)
        return bias[:, : states.shape[1], :wide]

    def _bias_of(self, tokens: int) -> Tensor:
        """(heads, T, T) float32."""
        positions = torch.arange(tokens, dtype=torch.float32)
        distance = (positions[:, None] - positions[None, :]).abs()
        return -torch.tensor(self.slopes)[:, None, None] * distance


class Embeddings(nn.Module):
    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(sizes.vocabulary, sizes.width)
        self.token_type_embeddings = nn.Embedding(TOKEN_TYPES, sizes.width)
        self.LayerNorm = nn.LayerNorm(sizes.width, sizes.epsilon)

    def of(self, ids: Tensor, added: Tensor | None = None) -> Tensor:
        """Layer 0: (B, T) -> (B, T, H); `added` (B, T, H) is added before the norm."""
        summed = self.word_embeddings(ids) + self.token_type_embeddings.weight[0]
        states: Tensor = self.LayerNorm(summed if added is None else summed + added)
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
        return self.mixed(states, functional.scaled_dot_product_attention(query, key, value, attn_mask=bias))

    def mixed(self, states: Tensor, attended: Tensor) -> Tensor:
        """States with what their heads attended to: (B, T, H), (B, heads, T, H / heads) -> (B, T, H)."""
        dense = self.output.dense(attended.transpose(1, 2).flatten(2))
        mixed: Tensor = self.output.LayerNorm(states + dense)
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
