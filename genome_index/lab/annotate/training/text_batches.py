"""Batches of windows with their targets as text, and the loss of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from genome_index.encoders.networks.annotation.annotation_model import AnnotationModel
from genome_index.encoders.networks.annotation.routing import Routing, router_loss
from genome_index.encoders.protocol import Ids
from genome_index.lab.annotate.training.pointer_batches import Sources, padded


@dataclass(frozen=True)
class TextBatch:
    """Windows and targets: (B, U) each."""

    sources: Sources
    read: Tensor
    right: Tensor  # the token after each that is read
    mask: Tensor  # False for padding

    def to(self, device: torch.device) -> TextBatch:
        tensors = (each.to(device) for each in (self.read, self.right, self.mask))
        return TextBatch(self.sources.to(device), *tensors)


def text_batch(sources: Sources, targets: Sequence[Ids], pad: int) -> TextBatch:
    """Windows with the ids of their target texts."""
    return TextBatch(
        sources, padded([ids[:-1] for ids in targets], pad),
        padded([ids[1:] for ids in targets], pad),
        padded([np.ones(len(ids) - 1, np.bool_) for ids in targets], False),
    )  # fmt: skip


def text_loss(model: AnnotationModel, batch: TextBatch, allowed: Tensor) -> Tensor:
    """Nats of a token among those of targets, and the losses of the routers; `allowed` is (V,)."""
    routings: list[Routing] = []
    source = batch.sources.encode(model, routings)
    states = model.decode(
        model.embed(batch.read), source.encoded, source.mask, None, None, batch.mask, routings
    )
    logits = model.logits(states[batch.mask]).masked_fill(~allowed, float("-inf"))
    loss = functional.cross_entropy(logits.float(), batch.right[batch.mask])
    return loss + router_loss(routings, model.config.load_balance, model.config.router_z)
