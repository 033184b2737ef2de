"""Scores of the choices of targets with pointers, the same for training and for generation.

Shapes: B windows, T source tokens, U steps, V words, H width.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from genome_index.encoders.networks.annotation.annotation_model import AnnotationModel
from genome_index.encoders.networks.annotation.decoder import DecoderCache
from genome_index.encoders.networks.annotation.pointers import PointerHead, anchor_bias
from genome_index.encoders.networks.annotation.routing import Routing
from genome_index.errors import UsageError


@dataclass(frozen=True)
class EncodedSource:
    """Encoded windows."""

    encoded: Tensor  # (B, T, H)
    mask: Tensor | None  # (B, T), False for padding
    is_base: Tensor  # (B, T), False for padding and for special tokens


@dataclass(frozen=True)
class Steps:
    """What the decoder reads, (B, U) each; see `Script`."""

    read: Tensor
    reads_pointer: Tensor
    read_kinds: Tensor
    anchors: Tensor
    kinds: Tensor

    def to(self, device: torch.device) -> Steps:
        columns = (self.read, self.reads_pointer, self.read_kinds, self.anchors, self.kinds)
        return Steps(*(column.to(device) for column in columns))


def pointers_of(model: AnnotationModel) -> PointerHead:
    """The pointers of a model.

    Raises
    ------
    UsageError
        It writes coordinates as text.
    """
    if model.pointers is None:
        raise UsageError("the model writes coordinates as text and has no pointers; make one with pointers")
    return model.pointers


def choice_scores(
    model: AnnotationModel, source: EncodedSource, steps: Steps, cache: DecoderCache | None = None,
    target_mask: Tensor | None = None, routings: list[Routing] | None = None,
) -> Tensor:  # fmt: skip
    """Logits of words, then of source tokens: (B, U, V + T); -inf for source tokens that are impossible."""
    head = pointers_of(model)
    one_way = model.config.one_way_heads
    bias = anchor_bias(steps.anchors, source.encoded.shape[1], model.bert.slopes, one_way=one_way)
    embedded = _embedded(model, source.encoded, steps)
    states = model.decode(embedded, source.encoded, source.mask, bias, cache, target_mask, routings)
    scores = head.scores(states, source.encoded, steps.anchors, steps.kinds)
    scores = scores.masked_fill(~source.is_base[:, None, :], float("-inf"))
    return torch.cat([model.logits(states), scores], dim=-1)


def _embedded(model: AnnotationModel, encoded: Tensor, steps: Steps) -> Tensor:
    """The decoder's input: words by their embedding, pointers by the state they point at: (B, U, H)."""
    nothing = torch.zeros_like(steps.read)
    words = model.embed(torch.where(steps.reads_pointer, nothing, steps.read))
    places = torch.where(steps.reads_pointer, steps.read, nothing)
    pointed = pointers_of(model).embed(encoded, places, steps.read_kinds)
    return torch.where(steps.reads_pointer[..., None], pointed, words)
