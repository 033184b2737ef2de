"""Annotation model in a folder: reading it whole, and its encoder alone as a language model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from genome_index.encoders.checkpoint import CONFIG, and_more, fill, read_config, read_weights
from genome_index.encoders.networks.annotation.annotation_model import AnnotationModel
from genome_index.encoders.networks.annotation.config import config_of
from genome_index.encoders.networks.annotation.decoder import feed_forward
from genome_index.encoders.networks.annotation.token_bases import TokenBases
from genome_index.encoders.tokenizers.library import TOKENIZER_FILE, library_of
from genome_index.errors import ModelError

KIND = "gindex-annotation"  # model_type in config.json
MAKE = "make the model again: `gindex lab annotate init --out DIR`"


def is_annotation(config: Mapping[str, Any]) -> bool:
    return config.get("model_type") == KIND


def open_annotation(folder: Path) -> AnnotationModel:
    """The model in a folder, on the CPU in float32 and in evaluation mode.

    Raises
    ------
    ModelError
        It is no annotation model, a setting or a weight is missing, or there is one too many.
    """
    if not (folder / CONFIG).is_file():
        raise ModelError(str(folder), f"there is no {CONFIG} in it, so it is no annotation model; {MAKE}")
    settings = read_config(folder)
    if not is_annotation(settings):
        raise ModelError(
            str(folder),
            f"{CONFIG} has the model_type {settings.get('model_type')!r}, so it is no annotation model "
            f"({KIND}); {MAKE}",
        )
    config = config_of(settings, str(folder))
    with torch.device("meta"):
        model = AnnotationModel(config)
    _fill(model, read_weights(folder), str(folder))
    return model.eval()


def _fill(model: nn.Module, weights: Mapping[str, Tensor], where: str) -> None:
    """Assign the weights, of which each must be there and none may be left over."""
    unused = fill(model, weights, where, (), MAKE)
    if unused:
        raise ModelError(
            where, f"the model does not use {unused[0]} of its weights{and_more(len(unused) - 1)}; {MAKE}"
        )


class AnnotationEncoder(nn.Module):
    """The encoder of an annotation model as a `LanguageModel`; see there.

    Phases are counted from the first base of a chunk, as in training from that of a window.
    """

    def __init__(self, model: AnnotationModel, bases: TokenBases) -> None:
        super().__init__()
        self.model, self.bases = model, bases
        self.layers, self.width = model.config.layers, model.config.width
        self.most_tokens: int | None = None
        self.vocabulary = model.config.vocabulary

    def hidden(self, ids: Tensor, mask: Tensor | None) -> Iterator[Tensor]:
        """Hidden states, layer by layer: (B, T) -> (B, T, H) each; no token is dropped."""
        context = self.model.config.context
        contexts = self.bases.contexts(ids, context) if context else None
        states = self.model.layer_0(ids, self.bases.phases(ids), contexts)
        bias = self.model.bert.bias_of(states, mask)
        yield states
        for block in self.model.bert.blocks():
            states = feed_forward(block.mlp, block.attention(states, bias), mask, None, limited=False)
            yield states


def open_encoder(folder: Path, config: Mapping[str, Any]) -> tuple[AnnotationEncoder, list[str]]:
    """The encoder in a folder, and the names of weights that it does not use: none that is worth a word.

    Raises
    ------
    ModelError
    """
    model = open_annotation(folder)
    try:
        vocabulary = library_of((folder / TOKENIZER_FILE).read_text()).get_vocab(with_added_tokens=True)
    except (OSError, ValueError) as error:
        raise ModelError(str(folder), f"{TOKENIZER_FILE} cannot be read ({error}); {MAKE}") from error
    return AnnotationEncoder(model, TokenBases(vocabulary, model.config.vocabulary)), []


def encoder_shape(folder: Path, config: Mapping[str, Any]) -> tuple[int | None, int]:
    """The most tokens that the encoder takes, and the rows of its embeddings."""
    return None, config_of(config, str(folder)).vocabulary
