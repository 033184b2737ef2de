"""Loader of a language model's folder; config.json decides the kind of network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from torch import nn

from genome_index.encoders.checkpoint import read_config, read_sizes
from genome_index.encoders.networks.dnabert2 import is_dnabert2, open_dnabert2
from genome_index.encoders.networks.nucleotide_transformer import is_nucleotide, open_nucleotide, variant_of
from genome_index.encoders.networks.performer_folder import is_slim, open_slim
from genome_index.encoders.networks.prenorm_bert import is_prenorm_bert, open_prenorm_bert, positions_of
from genome_index.encoders.networks.transformers_native import native_shape, open_native
from genome_index.encoders.protocol import LanguageModel

Config = Mapping[str, Any]
Opener = Callable[[Path, Config], tuple[nn.Module, list[str]]]

NETWORKS: tuple[tuple[Callable[[Config], bool], Opener], ...] = (
    (is_nucleotide, open_nucleotide),
    (is_dnabert2, open_dnabert2),
    (is_prenorm_bert, open_prenorm_bert),
    (is_slim, open_slim),
)
MOST_NAMED = 5  # unused tensors in a warning


def open_model(folder: Path) -> tuple[LanguageModel, list[str]]:
    """The model in a folder, on the CPU in float32 and in evaluation mode, and warnings about it.

    Raises
    ------
    ModelError
        It cannot be read, is not of one piece, would have to run code of its own, or has a setting that no
        network here computes.
    """
    config = read_config(folder)
    model, unexpected = opener(config)(folder, config)
    return cast(LanguageModel, model.eval().requires_grad_(False)), _warnings(folder, unexpected)


def opener(config: Config) -> Opener:
    """The function that opens a model with these settings: a network of gindex, else one of transformers."""
    return next((opens for describes, opens in NETWORKS if describes(config)), open_native)


def shape_of(folder: Path) -> tuple[int | None, int]:
    """The most tokens that the model in a folder takes, and the rows of its table of embeddings.

    Raises
    ------
    ModelError
    """
    config = read_config(folder)
    if is_nucleotide(config):
        sizes = read_sizes(config, str(folder))
        variant = variant_of(config, sizes, {}, str(folder))
        return variant.most_tokens, sizes.vocabulary
    if is_dnabert2(config):
        return None, read_sizes(config, str(folder)).vocabulary
    if is_prenorm_bert(config):
        return positions_of(config, str(folder)), read_sizes(config, str(folder)).vocabulary
    if is_slim(config):
        model = open_model(folder)[0]  # a few MB
        return model.most_tokens, model.vocabulary
    return native_shape(folder, config)


def _warnings(folder: Path, unexpected: list[str]) -> list[str]:
    if not unexpected:
        return []
    more = f" and {len(unexpected) - MOST_NAMED:,} more" if len(unexpected) > MOST_NAMED else ""
    return [f"{folder}: weights that the model does not use: {', '.join(unexpected[:MOST_NAMED])}{more}"]
