"""Loader of a language model's folder; config.json decides the kind of network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

from torch import nn

from genome_index.encoders.checkpoint import read_config, read_sizes
from genome_index.encoders.networks.annotation.model_folder import (
    encoder_shape,
    is_annotation,
    open_encoder,
)
from genome_index.encoders.networks.dnabert2 import is_dnabert2, open_dnabert2
from genome_index.encoders.networks.mixers.folder import is_mixer, mixer_shape, open_mixer
from genome_index.encoders.networks.nucleotide_transformer import is_nucleotide, open_nucleotide, variant_of
from genome_index.encoders.networks.performer_folder import is_slim, open_slim
from genome_index.encoders.networks.prenorm_bert import is_prenorm_bert, open_prenorm_bert, positions_of
from genome_index.encoders.networks.transformers_native import native_shape, open_native
from genome_index.encoders.protocol import LanguageModel

Config = Mapping[str, Any]
Opener = Callable[[Path, Config], tuple[nn.Module, list[str]]]
Shape = Callable[[Path, Config], tuple[int | None, int]]

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
    return _network(config).opens


def shape_of(folder: Path) -> tuple[int | None, int]:
    """The most tokens that the model in a folder takes, and the rows of its table of embeddings.

    Raises
    ------
    ModelError
    """
    config = read_config(folder)
    return _network(config).shape(folder, config)


def _network(config: Config) -> Network:
    return next(network for network in NETWORKS if network.describes(config))


def _warnings(folder: Path, unexpected: list[str]) -> list[str]:
    if not unexpected:
        return []
    more = f" and {len(unexpected) - MOST_NAMED:,} more" if len(unexpected) > MOST_NAMED else ""
    return [f"{folder}: weights that the model does not use: {', '.join(unexpected[:MOST_NAMED])}{more}"]


# -- shapes, without the weights -----------------------------------------------------------------------------


def _nucleotide_shape(folder: Path, config: Config) -> tuple[int | None, int]:
    sizes = read_sizes(config, str(folder))
    return variant_of(config, sizes, {}, str(folder)).most_tokens, sizes.vocabulary


def _dnabert2_shape(folder: Path, config: Config) -> tuple[int | None, int]:
    return None, read_sizes(config, str(folder)).vocabulary


def _prenorm_bert_shape(folder: Path, config: Config) -> tuple[int | None, int]:
    return positions_of(config, str(folder)), read_sizes(config, str(folder)).vocabulary


def _slim_shape(folder: Path, config: Config) -> tuple[int | None, int]:
    model, _ = open_slim(folder, config)  # a few MB
    return model.most_tokens, model.vocabulary


class Network(NamedTuple):
    """A kind of network: its settings, how it is opened, and its shape without the weights."""

    describes: Callable[[Config], bool]
    opens: Opener
    shape: Shape


NETWORKS = (
    Network(is_nucleotide, open_nucleotide, _nucleotide_shape),
    Network(is_dnabert2, open_dnabert2, _dnabert2_shape),
    Network(is_prenorm_bert, open_prenorm_bert, _prenorm_bert_shape),
    Network(is_slim, open_slim, _slim_shape),
    Network(is_annotation, open_encoder, encoder_shape),
    Network(is_mixer, open_mixer, mixer_shape),
    Network(lambda config: True, open_native, native_shape),  # of transformers, or refused there
)
