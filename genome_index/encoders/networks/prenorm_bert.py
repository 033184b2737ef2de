"""BERT with its layer norms before attention and feed-forward, as GENA-LM has it; weights keep their names.

Fishman et al. 2025 (GENA-LM, doi 10.1093/nar/gkae1310). A block is x + attention(norm(x)), then
x + feedforward(norm(x)), after Xiong et al. 2020 (arXiv 2002.04745). The embeddings have a norm, as in BERT.
A norm comes after the last block unless config.json says `last_layer_norm: false`. The class that the library
transformers has for this model type, BERT, has its norms after each part.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from genome_index.encoders.checkpoint import (
    Sizes,
    fill,
    number_of,
    read_sizes,
    read_weights,
    without_prefix,
)
from genome_index.encoders.networks.config_keys import check_settings, own_code
from genome_index.encoders.networks.named_layers import Dense, Projections
from genome_index.errors import ModelError

CODE = {"modeling_bert"}  # the module that comes with GENA-LM
NAME = "pre-norm BERT (GENA-LM)"
READ = (
    "hidden_size", "intermediate_size", "last_layer_norm", "layer_norm_eps", "max_position_embeddings",
    "num_attention_heads", "num_hidden_layers", "type_vocab_size", "vocab_size",
)  # fmt: skip
FIXED = {
    "hidden_act": ("gelu",), "is_decoder": (False,), "position_embedding_type": ("absolute",),
    "pre_layer_norm": (True,),
}  # fmt: skip
IGNORED = ("cls.", "pooler.", "embeddings.position_ids")


def is_prenorm_bert(config: Mapping[str, Any]) -> bool:
    """Whether config.json describes one."""
    ours = own_code(config).keys() <= CODE
    return ours and config.get("model_type") == "bert" and config.get("pre_layer_norm") is True


def open_prenorm_bert(folder: Path, config: Mapping[str, Any]) -> tuple[PrenormBert, list[str]]:
    """The model in a folder, and the names of weights that the model does not use.

    Raises
    ------
    ModelError
    """
    where = str(folder)
    check_settings(config, READ, FIXED, where, NAME)
    sizes, weights = read_sizes(config, where), without_prefix(read_weights(folder), "bert.")
    types = int(number_of(config, "type_vocab_size", 2, where))  # BERT's default
    with torch.device("meta"):
        model = PrenormBert(
            sizes, positions_of(config, where), types, bool(config.get("last_layer_norm", True))
        )
    return model, fill(model, weights, where, IGNORED)


def positions_of(config: Mapping[str, Any], where: str) -> int:
    """The rows of the position table; ModelError for no positive number."""
    return int(number_of(config, "max_position_embeddings", 512, where))  # BERT's default


class PrenormBert(nn.Module):
    """A `LanguageModel`; see there and the module's docstring."""

    def __init__(self, sizes: Sizes, positions: int, types: int, last_norm: bool) -> None:
        super().__init__()
        self.layers, self.width, self.vocabulary = sizes.layers, sizes.width, sizes.vocabulary
        self.most_tokens: int | None = positions
        self.embeddings = Embeddings(sizes, positions, types)
        self.encoder = Encoder(sizes, last_norm)

    def hidden(self, ids: Tensor, mask: Tensor | None) -> Iterator[Tensor]:
        """Hidden states, layer by layer: (B, T) -> (B, T, H) each.

        Raises
        ------
        ModelError
            More tokens than positions.
        """
        if self.most_tokens is not None and ids.shape[1] > self.most_tokens:
            raise ModelError(
                NAME, f"{ids.shape[1]:,} tokens are more than its {self.most_tokens:,} positions"
            )
        keys = None if mask is None else mask[:, None, None, :]
        states = self.embeddings.of(ids)
        yield states
        for number, block in enumerate(self.encoder.layer, 1):
            states = block(states, keys)
            yield states if number < self.layers else self.encoder.last_layer_ln(states)


class Embeddings(nn.Module):
    def __init__(self, sizes: Sizes, positions: int, types: int) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(sizes.vocabulary, sizes.width)
        self.position_embeddings = nn.Embedding(positions, sizes.width)
        self.token_type_embeddings = nn.Embedding(types, sizes.width)
        self.LayerNorm = nn.LayerNorm(sizes.width, sizes.epsilon)

    def of(self, ids: Tensor) -> Tensor:
        """Layer 0: (B, T) -> (B, T, H). All tokens are of the first type; padding is on the right."""
        states = self.word_embeddings(ids) + self.token_type_embeddings.weight[0]
        normed: Tensor = self.LayerNorm(states + self.position_embeddings.weight[: ids.shape[1]])
        return normed


class Encoder(nn.Module):
    def __init__(self, sizes: Sizes, last_norm: bool) -> None:
        super().__init__()
        self.layer = nn.ModuleList(Block(sizes) for _ in range(sizes.layers))
        self.last_layer_ln = nn.LayerNorm(sizes.width, sizes.epsilon) if last_norm else nn.Identity()


class Block(nn.Module):
    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.pre_attention_ln = nn.LayerNorm(sizes.width, sizes.epsilon)
        self.attention = Attention(sizes)
        self.post_attention_ln = nn.LayerNorm(sizes.width, sizes.epsilon)
        self.intermediate = Dense(sizes.width, sizes.inner)
        self.output = Dense(sizes.inner, sizes.width)

    def forward(self, states: Tensor, keys: Tensor | None) -> Tensor:
        """(B, T, H) -> (B, T, H); `keys` (B, 1, 1, T) is True where there is no padding."""
        states = states + self.attention(self.pre_attention_ln(states), keys)
        inner = functional.gelu(self.intermediate.dense(self.post_attention_ln(states)))
        mixed: Tensor = states + self.output.dense(inner)
        return mixed


class Attention(nn.Module):
    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.heads = sizes.heads
        self.self = Projections(sizes.width)
        self.output = Dense(sizes.width, sizes.width)

    def forward(self, normed: Tensor, keys: Tensor | None) -> Tensor:
        """(B, T, H) -> (B, T, H)."""
        query, key, value = (
            part(normed).unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, heads, T, H / heads)
            for part in (self.self.query, self.self.key, self.self.value)
        )
        attended = functional.scaled_dot_product_attention(query, key, value, attn_mask=keys)
        mixed: Tensor = self.output.dense(attended.transpose(1, 2).flatten(2))
        return mixed
