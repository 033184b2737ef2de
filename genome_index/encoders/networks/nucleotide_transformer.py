"""Nucleotide Transformer network, versions 1 and 2 in one module; weights keep their published names.

Dalla-Torre et al. 2025 (doi 10.1038/s41592-024-02523-z). Both are pre-norm encoders of the ESM family.
Version 1 learns a vector for each position. Version 2 rotates queries and keys by their position (rotary
embeddings) and has a gated feed-forward part without biases; the library transformers has no class for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from genome_index.encoders.checkpoint import (
    AGAIN,
    SIX_MERS,
    Sizes,
    fill,
    names_esm,
    number_of,
    read_sizes,
    read_weights,
    without_prefix,
)
from genome_index.encoders.networks.config_keys import check_settings, own_code
from genome_index.encoders.networks.fused_ops import gated, turned
from genome_index.encoders.networks.length_cache import LengthCache
from genome_index.encoders.networks.named_layers import Dense, Projections
from genome_index.encoders.networks.packed_attention import packed_attention
from genome_index.encoders.protocol import Packing
from genome_index.errors import ModelError

TOKEN_DROPOUT_SCALE = 1 - 0.15 * 0.8  # share of embeddings that training with `token_dropout` left
ROTARY_BASE = 10_000.0
# Heads, the numbers 0, 1, 2... of old files, and in version 2 a position table that was never used.
IGNORED = ("lm_head.", "contact_head.", "pooler.", "embeddings.position")
CODE = {"esm_config", "modeling_esm"}  # the modules that come with version 2
NAME = "Nucleotide Transformer"
READ = (
    "add_bias_fnn", "emb_layer_norm_before", "hidden_size", "intermediate_size", "layer_norm_eps",
    "max_position_embeddings", "num_attention_heads", "num_hidden_layers", "rope_theta", "token_dropout",
    "vocab_list", "vocab_size",
)  # fmt: skip
FIXED = {
    "hidden_act": ("gelu",), "is_folding_model": (False,), "esmfold_config": (None,),
    "position_embedding_type": ("absolute", "rotary"),
}  # fmt: skip
FREQUENCIES = "rotary_embeddings.inv_freq"  # in each block, or once in the model, as transformers 5 writes
FIRST_INNER = "encoder.layer.0.intermediate.dense"


@dataclass(frozen=True)
class Variant:
    """The settings that differ between version 1 and version 2."""

    positions: int  # rows of the position table; rows 0 to `pad` are unused
    pad: int = 1
    rotary: bool = False
    gated: bool = False  # the feed-forward part is SwiGLU instead of GELU
    biased: bool = True  # the layers of the feed-forward part have biases
    norm_before: bool = False
    token_dropout: bool = False
    base: float = ROTARY_BASE

    @property
    def most_tokens(self) -> int:
        """Tokens that have a position."""
        return self.positions - self.pad - 1


def is_nucleotide(config: Mapping[str, Any]) -> bool:
    """Whether config.json describes one: a six-mer vocabulary, or a setting that only version 2 has."""
    code = own_code(config).keys()
    typical = config.get("vocab_size") in SIX_MERS or "add_bias_fnn" in config or bool(code)
    return names_esm(config) and typical and code <= CODE


def open_nucleotide(folder: Path, config: Mapping[str, Any]) -> tuple[NucleotideTransformer, list[str]]:
    """The model in a folder, and the names of weights that the model does not use.

    Raises
    ------
    ModelError
    """
    check_settings(config, READ, FIXED, str(folder), NAME)
    sizes, weights = read_sizes(config, str(folder)), without_prefix(read_weights(folder), "esm.")
    with torch.device("meta"):
        model = NucleotideTransformer(sizes, variant_of(config, sizes, weights, str(folder)))
    parameters = {name: tensor for name, tensor in weights.items() if not name.endswith(FREQUENCIES)}
    frequencies = sorted(weights.keys() - parameters.keys())
    if model.frequencies and frequencies:
        model.frequencies = weights[frequencies[0]].tolist()  # every block has the same ones
    return model, fill(model, parameters, str(folder), IGNORED)


def variant_of(config: Mapping[str, Any], sizes: Sizes, weights: Mapping[str, Tensor], where: str) -> Variant:
    """The variant by config.json and, for the feed-forward part, by the weights: gated is twice as wide."""
    first = weights.get(f"{FIRST_INNER}.weight")
    gated = first is not None and len(first) == 2 * sizes.inner
    return Variant(
        positions=int(number_of(config, "max_position_embeddings", 1026, where)),  # `esm` has these defaults
        pad=_pad(config, where),
        rotary=config.get("position_embedding_type", "absolute") == "rotary",
        gated=gated,
        biased=not gated or f"{FIRST_INNER}.bias" in weights,
        norm_before=bool(config.get("emb_layer_norm_before")),
        token_dropout=bool(config.get("token_dropout")),
        base=number_of(config, "rope_theta", ROTARY_BASE, where),
    )


def _pad(config: Mapping[str, Any], where: str) -> int:
    pad = config.get("pad_token_id")
    if pad is None:
        return 1
    if isinstance(pad, bool) or not isinstance(pad, int) or pad < 0:
        raise ModelError(where, f"config.json: pad_token_id is {pad!r}, which is no token; {AGAIN}")
    return pad


class NucleotideTransformer(nn.Module):
    """A `LanguageModel`; see there and the module's docstring."""

    def __init__(self, sizes: Sizes, variant: Variant) -> None:
        super().__init__()
        self.layers, self.width, self.vocabulary = sizes.layers, sizes.width, sizes.vocabulary
        self.most_tokens: int | None = variant.most_tokens
        self.head = sizes.width // sizes.heads
        self.frequencies: list[float] = []  # floats: bfloat16 would round a tensor, and far positions be off
        if variant.rotary:
            self.frequencies = [variant.base ** (-at / self.head) for at in range(0, self.head, 2)]
        self._turns = LengthCache()
        self.embeddings = Embeddings(sizes, variant)
        self.encoder = Encoder(sizes, variant)

    def hidden(self, ids: Tensor, mask: Tensor | None) -> Iterator[Tensor]:
        """Hidden states, layer by layer: (B, T) -> (B, T, H) each.

        Raises
        ------
        ModelError
            More tokens than positions; version 2 could go on, but was never trained so.
        """
        if self.most_tokens is not None and ids.shape[1] > self.most_tokens:
            raise ModelError(NAME, f"{ids.shape[1]:,} tokens are more than its {self.most_tokens:,}")
        keys = None if mask is None else mask[:, None, None, :]
        real = torch.ones_like(ids) if mask is None else mask
        turns = self._turns_of(ids.shape[1], ids.device) if self.frequencies else None
        yield from self._layers(self.embeddings.of(ids, real.cumsum(1) * real), keys, turns)

    def hidden_packed(self, ids: Tensor, packing: Packing) -> Iterator[Tensor]:
        """The same of chunks that lie end to end: (1, T) -> (1, T, H) each."""
        turns = self._turns_of(packing.longest, ids.device) if self.frequencies else None
        states = self.embeddings.of(ids, packing.position + 1)
        yield from self._layers(states, packing, None if turns is None else turns[packing.position])

    def _layers(
        self, states: Tensor, keys: Tensor | Packing | None, turns: Tensor | None
    ) -> Iterator[Tensor]:
        yield states
        for number, block in enumerate(self.encoder.layer, 1):
            states = block(states, keys, turns)
            yield states if number < self.layers else self.encoder.emb_layer_norm_after(states)

    def _turns_of(self, tokens: int, device: torch.device) -> Tensor:
        """See `_turns`: (tokens, D / 2)."""
        turns = self._turns.at_least(tokens, lambda length: _turns(self.frequencies, length), device)
        return turns[:tokens]


class Embeddings(nn.Module):
    def __init__(self, sizes: Sizes, variant: Variant) -> None:
        super().__init__()
        self.pad, self.token_dropout = variant.pad, variant.token_dropout
        self.word_embeddings = nn.Embedding(sizes.vocabulary, sizes.width)
        self.position_embeddings = None if variant.rotary else nn.Embedding(variant.positions, sizes.width)
        self.layer_norm = nn.LayerNorm(sizes.width, sizes.epsilon) if variant.norm_before else None

    def of(self, ids: Tensor, positions: Tensor) -> Tensor:
        """Layer 0: (B, T), (B, T) or (T,) positions from 1, 0 for padding -> (B, T, H)."""
        states: Tensor = self.word_embeddings(ids)
        if self.token_dropout:
            states = states * TOKEN_DROPOUT_SCALE
        if self.position_embeddings is not None:
            states = states + self.position_embeddings(positions + self.pad)
        normed: Tensor = states if self.layer_norm is None else self.layer_norm(states)
        return normed


class Encoder(nn.Module):
    def __init__(self, sizes: Sizes, variant: Variant) -> None:
        super().__init__()
        self.layer = nn.ModuleList(Block(sizes, variant) for _ in range(sizes.layers))
        self.emb_layer_norm_after = nn.LayerNorm(sizes.width, sizes.epsilon)


class Block(nn.Module):
    def __init__(self, sizes: Sizes, variant: Variant) -> None:
        super().__init__()
        self.gated = variant.gated
        self.attention = Attention(sizes)
        self.LayerNorm = nn.LayerNorm(sizes.width, sizes.epsilon)
        self.intermediate = Dense(sizes.width, sizes.inner * (1 + variant.gated), variant.biased)
        self.output = Dense(sizes.inner, sizes.width, variant.biased)

    def forward(self, states: Tensor, keys: Tensor | Packing | None, turns: Tensor | None) -> Tensor:
        """(B, T, H) -> (B, T, H); `keys` (B, 1, 1, T) is True where there is no padding."""
        states = states + self.attention(states, keys, turns)
        inner: Tensor = self.intermediate.dense(self.LayerNorm(states))
        inner = gated(inner) if self.gated else functional.gelu(inner)
        mixed: Tensor = states + self.output.dense(inner)
        return mixed


class Attention(nn.Module):
    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.heads = sizes.heads
        self.LayerNorm = nn.LayerNorm(sizes.width, sizes.epsilon)
        self.self = Projections(sizes.width)
        self.output = Dense(sizes.width, sizes.width)

    def forward(self, states: Tensor, keys: Tensor | Packing | None, turns: Tensor | None) -> Tensor:
        """(B, T, H) -> (B, T, H)."""
        normed = self.LayerNorm(states)
        query, key, value = (
            part(normed).unflatten(-1, (self.heads, -1))  # (B, T, heads, H / heads)
            for part in (self.self.query, self.self.key, self.self.value)
        )
        if turns is not None:
            query, key = turned(query, key, turns)
        if isinstance(keys, Packing):
            attended = packed_attention(query, key, value, keys)
        else:
            query, key, value = (part.transpose(1, 2) for part in (query, key, value))
            attended = functional.scaled_dot_product_attention(query, key, value, attn_mask=keys)
            attended = attended.transpose(1, 2)
        mixed: Tensor = self.output.dense(attended.flatten(2))
        return mixed


def _turns(frequencies: list[float], tokens: int) -> Tensor:
    """Rotations of each pair of dimensions at each position, complex numbers of length 1: (T, D / 2)."""
    angles = torch.outer(torch.arange(tokens, dtype=torch.float32), torch.tensor(frequencies))
    return torch.polar(torch.ones_like(angles), angles)
