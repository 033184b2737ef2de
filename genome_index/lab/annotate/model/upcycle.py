"""Start of an annotation model: each weight is that of a DNABERT-2, or new.

| part | begins as |
|---|---|
| encoder: embeddings, attention, norms, feed-forward part | the same weight of DNABERT-2, biases included |
| decoder: self-attention, its norms, feed-forward part | that of the encoder's layer (`source_layer`) |
| decoder: cross-attention | N(0, 0.02), biases 0, norm weight 1 and bias 0 (Rothe et al. 2020, 1907.12461) |
| experts | each the dense part of the layer; router N(0, 0.02) |
| head | the embeddings, by default as one tensor; bias 0 |
| embeddings of the codon phase | 0 |
| bases around a token | N(0, 0.02), biases and the output 0 |
| pointers | N(0, 0.02), biases 0, norm weight 1 and bias 0, decay 0.02 a token |
| rows of new tokens | the mean of the others and noise (`vocabulary.grown`) |
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from genome_index.encoders.checkpoint import check_fit, fill
from genome_index.encoders.networks.annotation.annotation_model import AnnotationModel
from genome_index.encoders.networks.annotation.config import AnnotationConfig
from genome_index.encoders.networks.annotation.pointers import RAW_DECAY
from genome_index.errors import ModelError
from genome_index.lab.annotate.model.vocabulary import grown

NEW_STD = 0.02  # of new matrices, as BERT's initializer_range
WORDS, ENCODER = "embeddings.word_embeddings.weight", "bert."
CROSS_OUTPUT = "crossattention.output.dense.weight"
DECAY, PHASE, CONTEXT_OUTPUT = "pointers.decay", "phase.weight", "context.write.weight"
NEW = re.compile(r"\.crossattention\.|\.router\.|^phase\.|^context\.|^pointers\.|^head\.bias$")


@dataclass(frozen=True)
class StartPlan:
    """The choices of a start."""

    seed: int = 0  # of all random numbers
    noise: float = 0.0  # added to each expert's weights, as a share of the standard deviation of the weight
    zero_cross: bool = False  # cross-attention's output is 0 at first: the decoder is the causal encoder


def upcycled(
    source: Mapping[str, Tensor], config: AnnotationConfig, plan: StartPlan, where: str
) -> AnnotationModel:
    """A model that begins as a DNABERT-2.

    Parameters
    ----------
    source
        The weights of a bare DNABERT-2 by name.
    config
        The shape of the new model; of the source it may differ by its vocabulary, which may be larger.
    where
        The source's folder, for messages.

    Raises
    ------
    ModelError
        The source lacks a weight, or has one of another shape.
    """
    with torch.device("meta"):
        model = AnnotationModel(config)
    expected = model.state_dict()
    _check_source(source, expected, config, where)
    generator, weights = torch.Generator().manual_seed(plan.seed), dict[str, Tensor]()
    for name, empty in expected.items():
        origin = source_name(name, config)
        if name == "head.weight":
            weights[name] = weights[ENCODER + WORDS].clone()
        elif origin is None:
            weights[name] = _new(name, empty.shape, plan, generator)
        else:
            weights[name] = _copied(name, source[origin], len(empty), plan, generator)
    fill(model, weights, where, ())
    return model


def source_name(name: str, config: AnnotationConfig) -> str | None:
    """The weight of DNABERT-2 that a weight of the model begins as; None for a new one.

    >>> config = AnnotationConfig(vocabulary=9, layers=12, decoder_layers=6)
    >>> source_name("decoder.layer.3.mlp.experts.7.wo.bias", config)
    'encoder.layer.6.mlp.wo.bias'
    """
    if NEW.search(name):
        return None
    if name == "head.weight":
        return WORDS
    dense = re.sub(r"\.experts\.\d+\.", ".", name.removeprefix(ENCODER))
    decoder = re.match(r"decoder\.layer\.(\d+)\.", dense)
    if decoder is None:
        return dense
    return f"encoder.layer.{source_layer(int(decoder[1]), config)}.{dense[decoder.end() :]}"


def source_layer(layer: int, config: AnnotationConfig) -> int:
    """The encoder's layer that a decoder's begins as: the same, or evenly spread where it has fewer."""
    return layer * config.layers // config.decoder_layers


def _check_source(
    source: Mapping[str, Tensor], expected: Mapping[str, Tensor], config: AnnotationConfig, where: str
) -> None:
    """Refuse a source that lacks a weight, or has one of another shape, but for the rows of tokens."""
    pairs = [
        (origin, empty.shape) for name, empty in expected.items() if (origin := source_name(name, config))
    ]
    missing = sorted({origin for origin, _ in pairs if origin not in source})
    check_fit(
        missing,
        {
            origin: (source[origin].shape, shape)
            for origin, shape in pairs
            if origin in source and source[origin].shape != shape and origin != WORDS
        },
        where,
    )
    if len(source[WORDS]) > config.vocabulary or source[WORDS].shape[1] != config.width:
        raise ModelError(
            where,
            f"its embeddings are {len(source[WORDS])} x {source[WORDS].shape[1]}, but the new model's are "
            f"{config.vocabulary} x {config.width}; give a tokenizer that has all tokens of this model",
        )


def _copied(name: str, source: Tensor, rows: int, plan: StartPlan, generator: Generator) -> Tensor:
    if name == ENCODER + WORDS:
        return grown(source, rows, generator)
    if plan.noise and ".experts." in name:
        noise = torch.randn(source.shape, generator=generator)
        return source + plan.noise * source.std() * noise
    return source.clone()


def _new(name: str, shape: torch.Size, plan: StartPlan, generator: Generator) -> Tensor:
    if name.endswith("LayerNorm.weight"):
        return torch.ones(shape)
    if name == DECAY:
        return torch.full(shape, RAW_DECAY)
    zero = name.endswith("bias") or name in (PHASE, CONTEXT_OUTPUT)
    if zero or (plan.zero_cross and name.endswith(CROSS_OUTPUT)):
        return torch.zeros(shape)
    return NEW_STD * torch.randn(shape, generator=generator)


def random_model(config: AnnotationConfig, seed: int) -> AnnotationModel:
    """A model without pretraining: norms 1 and 0, biases and phase 0, matrices N(0, 1 / columns)."""
    with torch.device("meta"):
        model = AnnotationModel(config)
    generator, weights = torch.Generator().manual_seed(seed), dict[str, Tensor]()
    for name, empty in model.state_dict().items():
        if name == "head.weight":
            weights[name] = weights[ENCODER + WORDS].clone()
        elif name.lower().endswith("layernorm.weight"):
            weights[name] = torch.ones(empty.shape)
        elif name == DECAY:
            weights[name] = torch.full(empty.shape, RAW_DECAY)
        elif name.endswith("bias") or name == PHASE:
            weights[name] = torch.zeros(empty.shape)
        else:
            weights[name] = torch.randn(empty.shape, generator=generator) / math.sqrt(empty.shape[-1])
    fill(model, weights, "a model with random weights", ())
    return model
