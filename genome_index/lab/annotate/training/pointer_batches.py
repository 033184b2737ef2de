"""Batches of windows with the choices of their targets, and the loss of a batch.

Shapes: B windows, T source tokens, U steps, V words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from genome_index.encoders.networks.annotation.annotation_model import AnnotationModel
from genome_index.encoders.networks.annotation.routing import Routing, router_loss
from genome_index.lab.annotate.model.grammar import Slot
from genome_index.lab.annotate.model.pointer_script import Script
from genome_index.lab.annotate.model.pointer_steps import EncodedSource, Steps, choice_scores
from genome_index.lab.annotate.model.target_words import TargetWords
from genome_index.lab.annotate.tokens.tokenizer import NO_BASES, Source


@dataclass(frozen=True)
class Sources:
    """Padded windows: (B, T) each."""

    ids: Tensor
    phases: Tensor
    contexts: Tensor  # (B, T, 2 w), the bases around a token; see `AnnotationModel.encode`
    is_base: Tensor
    mask: Tensor  # False for padding

    def to(self, device: torch.device) -> Sources:
        return Sources(
            *(each.to(device) for each in (self.ids, self.phases, self.contexts, self.is_base, self.mask))
        )

    def encode(self, model: AnnotationModel, routings: list[Routing] | None = None) -> EncodedSource:
        mask = None if bool(self.mask.all()) else self.mask
        encoded = model.encode(self.ids, mask, self.phases, self.contexts, routings)
        return EncodedSource(encoded, mask, self.is_base)


@dataclass(frozen=True)
class PointerBatch:
    sources: Sources
    steps: Steps
    slots: Tensor  # (B, U)
    right: Tensor  # (B, U), the right choice: a word, or V + a source token
    mask: Tensor  # (B, U), False for padding

    def to(self, device: torch.device) -> PointerBatch:
        return PointerBatch(
            self.sources.to(device), self.steps.to(device), self.slots.to(device), self.right.to(device),
            self.mask.to(device),
        )  # fmt: skip


def sources_of(windows: Sequence[Source], pad: int, context: int) -> Sources:
    """Windows padded to the longest of them; `context` is that of `AnnotationConfig`."""
    starts = padded([window.starts for window in windows], NO_BASES)
    mask = padded([np.ones(len(window.ids), np.bool_) for window in windows], False)
    return Sources(
        padded([window.ids for window in windows], pad),
        padded([window.phases for window in windows], NO_BASES),
        padded([window.contexts(context) for window in windows], NO_BASES),
        starts != NO_BASES, mask,
    )  # fmt: skip


def batch_of(sources: Sources, scripts: Sequence[Script], words: int) -> PointerBatch:
    """Windows with their targets; `words` is V."""

    def column(name: str) -> Tensor:
        return padded([getattr(script, name) for script in scripts], 0)

    mask = padded([np.ones(len(script.slots), np.bool_) for script in scripts], False)
    steps = Steps(*(column(name) for name in ("read", "reads_pointer", "read_kinds", "anchors", "kinds")))
    right = column("chosen") + words * column("chooses_pointer").long()
    return PointerBatch(sources, steps, column("slots"), right, mask)


def slot_words(words: TargetWords, vocabulary: int) -> Tensor:
    """The words that may stand in each slot: (slots, V)."""
    numbers = list(words.numbers)
    table = {
        Slot.TYPE: [words.end, *words.type_ids], Slot.STRAND: list(words.strand_ids),
        Slot.START: [words.before], Slot.START_PLACE: numbers, Slot.END: [words.after],
        Slot.END_PLACE: numbers, Slot.PHASE: list(words.phase_ids), Slot.GENE: numbers,
        Slot.BIOTYPE: list(words.biotype_ids),
    }  # fmt: skip
    allowed = torch.zeros(len(Slot), vocabulary, dtype=torch.bool)
    for slot, ids in table.items():
        allowed[slot, ids] = True
    return allowed


def loss_of(model: AnnotationModel, batch: PointerBatch, allowed: Tensor) -> Tensor:
    """Nats of a choice among those of its slot, and the routers' losses; `allowed` is (slots, V)."""
    routings: list[Routing] = []
    source = batch.sources.encode(model, routings)
    scores = choice_scores(model, source, batch.steps, None, batch.mask, routings)
    logits, right = _among_slot(scores[batch.mask], batch.slots[batch.mask], allowed), batch.right[batch.mask]
    loss = functional.cross_entropy(logits.float(), right)
    config = model.config
    return loss + router_loss(routings, config.load_balance, config.router_z)


def _among_slot(scores: Tensor, slots: Tensor, allowed: Tensor) -> Tensor:
    """-inf for what may not stand in the slot: (N, V + T), (N,) -> (N, V + T)."""
    vocabulary = allowed.shape[1]
    is_pointer = ((slots == Slot.START) | (slots == Slot.END))[:, None]
    words = scores[:, :vocabulary].masked_fill(~allowed[slots], float("-inf"))
    pointers = scores[:, vocabulary:].masked_fill(~is_pointer, float("-inf"))
    return torch.cat([words, pointers], dim=-1)


def padded(rows: Sequence[npt.NDArray[np.generic]], value: int | bool) -> Tensor:
    table = np.full((len(rows), max(map(len, rows)), *rows[0].shape[1:]), value, rows[0].dtype)
    for row, own in zip(table, rows, strict=True):
        row[: len(own)] = own
    return torch.from_numpy(table)
