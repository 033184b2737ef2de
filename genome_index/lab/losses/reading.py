"""A batch of nucleotide sequences, and what a network predicts of it and of its other strand.

Losses take a `Reading`. What several of them need, such as the probabilities of the bases or the reverse
complement read by the same network, is computed once.

Shapes: B sequences, L positions, V tokens, H width of the network.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from genome_index.encoders.networks.mixers.strands import BASES as BASES
from genome_index.encoders.networks.mixers.strands import complement_table
from genome_index.lab.performer.exact_gradients import IGNORED
from genome_index.lab.tokenizers.special_ids import CLS, MASK, SPECIAL

FIRST_BASE = len(SPECIAL)  # id of A; C, G and T follow
COMPLEMENT = complement_table(FIRST_BASE + BASES)


class Outputs(NamedTuple):
    """What a network makes of a batch."""

    logits: Tensor  # (B, L, V) of the token at each position
    hidden: Tensor  # (B, L, H) states that the logits are made of
    table: Tensor  # (V, H) an embedding of each token


Network = Callable[[Tensor], Outputs]  # ids (B, L) -> outputs


@dataclass(frozen=True)
class TokenBatch:
    """Sequences of single bases as ids; a base that is not known has the id of MASK."""

    ids: Tensor  # (B, L)
    inputs: Tensor  # (B, L) what the network reads at each position
    targets: Tensor  # (B, L) what it predicts there, IGNORED where nothing
    causal: bool

    def to(self, device: str | torch.device) -> TokenBatch:
        """The same on a device."""
        ids, inputs, targets = (part.to(device) for part in (self.ids, self.inputs, self.targets))
        return TokenBatch(ids, inputs, targets, self.causal)

    def complement(self) -> TokenBatch:
        """A for T and C for G, in the same order."""
        return self._mapped(lambda rows: rows)

    def reverse_complement(self) -> TokenBatch:
        """The other strand, read in its own direction; what is masked stays masked."""
        other = self._mapped(lambda rows: rows.flip(1))
        return next_batch(other.ids) if self.causal else other

    def without_history(self) -> TokenBatch:
        """The batch with no token to read but the first."""
        inputs = torch.full_like(self.inputs, MASK)
        inputs[:, 0] = CLS
        return replace(self, inputs=inputs)

    def _mapped(self, order: Callable[[Tensor], Tensor]) -> TokenBatch:
        table = COMPLEMENT.to(self.ids.device)
        targets = order(torch.where(self.targets == IGNORED, IGNORED, table[self.targets.clamp(min=0)]))
        return replace(self, ids=order(table[self.ids]), inputs=order(table[self.inputs]), targets=targets)


def next_batch(ids: Tensor) -> TokenBatch:
    """Each known base is predicted from the tokens before it: (B, L)."""
    inputs = torch.cat([torch.full_like(ids[:, :1], CLS), ids[:, :-1]], dim=1)
    return TokenBatch(ids, inputs, torch.where(ids >= FIRST_BASE, ids, IGNORED), causal=True)


def masked_batch(ids: Tensor, inputs: Tensor, chosen: Tensor) -> TokenBatch:
    """Chosen known bases are predicted from all tokens of the inputs, which hide them: (B, L) each."""
    return TokenBatch(ids, inputs, torch.where(chosen & (ids >= FIRST_BASE), ids, IGNORED), causal=False)


class Reading:
    """A batch as a network reads it."""

    def __init__(self, batch: TokenBatch, network: Network) -> None:
        self.batch, self.network = batch, network

    @cached_property
    def outputs(self) -> Outputs:
        return self.network(self.batch.inputs)

    @cached_property
    def predicted(self) -> Tensor:
        """Whether a position is predicted: (B, L)."""
        return self.batch.targets != IGNORED

    @cached_property
    def known(self) -> Tensor:
        """Whether the base of a position is known: (B, L)."""
        return self.batch.ids >= FIRST_BASE

    @cached_property
    def labels(self) -> Tensor:
        """The bases, A, C, G, T as columns, zeros where a base is not known: (B, L, 4)."""
        numbers = (self.batch.ids - FIRST_BASE).clamp(min=0)
        return functional.one_hot(numbers, BASES).to(self.outputs.logits) * self.known[..., None]

    @cached_property
    def probabilities(self) -> Tensor:
        """The predicted probabilities of the bases; where none is predicted, the label: (B, L, 4)."""
        logits = self.outputs.logits[..., FIRST_BASE : FIRST_BASE + BASES]
        return torch.where(self.predicted[..., None], logits.float().softmax(-1), self.labels)

    @cached_property
    def complement(self) -> Reading:
        return Reading(self.batch.complement(), self.network)

    @cached_property
    def reverse_complement(self) -> Reading:
        return Reading(self.batch.reverse_complement(), self.network)

    @cached_property
    def without_history(self) -> Reading:
        return Reading(self.batch.without_history(), self.network)
