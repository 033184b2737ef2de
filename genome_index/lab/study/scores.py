"""Bits a base of a trained network: by its own head, and by a new head on its frozen states.

A loss that does not train the head, such as `headless`, has no bits of its own worth a look. So that all
losses can be compared, a linear head from the last states to the four bases is fitted on training fragments,
with the network frozen; its bits say what of the base the states hold.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from genome_index.lab.architectures.networks import StudyNetwork
from genome_index.lab.losses.reading import BASES, FIRST_BASE, Reading
from genome_index.lab.study.batches import StudyBatches

EXAMINED = 96  # fragments of validation and of test
FITTED = 96  # training fragments that the new head is fitted on
PENALTY = 1e-4  # of the squares of its weights
ROUNDS = 60  # of L-BFGS


@dataclass(frozen=True)
class Head:
    """A linear layer from states to the four bases."""

    weight: Tensor  # (4, H)
    bias: Tensor  # (4,)
    mean: Tensor  # (H,) of the states it was fitted on
    scale: Tensor  # (H,)

    def logits(self, states: Tensor) -> Tensor:
        """(N, H) -> (N, 4)."""
        return functional.linear((states - self.mean) / self.scale, self.weight, self.bias)


def own_bits(network: StudyNetwork, batches: StudyBatches) -> float:
    """Bits of a predicted base by the network's own head, over the four bases."""
    nats = [
        functional.cross_entropy(logits, targets, reduction="none")
        for _, logits, targets in _read(network, batches)
    ]
    return float(torch.cat(nats).mean()) / math.log(2)


def fitted_head(network: StudyNetwork, training: StudyBatches) -> Head:
    """A head fitted on the states of training fragments, which stay as they are."""
    parts = list(_read(network, training, FITTED))
    states, targets = torch.cat([part[0] for part in parts]), torch.cat([part[2] for part in parts])
    mean, scale = states.mean(0), states.std(0).clamp(min=1e-6)
    normed = (states - mean) / scale
    weight = torch.zeros(BASES, states.shape[1], device=states.device, requires_grad=True)
    bias = torch.zeros(BASES, device=states.device, requires_grad=True)
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=ROUNDS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = functional.cross_entropy(functional.linear(normed, weight, bias), targets)
        loss = loss + PENALTY * weight.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    return Head(weight.detach(), bias.detach(), mean, scale)


def head_bits(network: StudyNetwork, head: Head, batches: StudyBatches) -> float:
    """Bits of a predicted base by a fitted head."""
    nats = [
        functional.cross_entropy(head.logits(states), targets, reduction="none")
        for states, _, targets in _read(network, batches)
    ]
    return float(torch.cat(nats).mean()) / math.log(2)


def _read(
    network: StudyNetwork, batches: StudyBatches, fragments: int = EXAMINED
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """States (N, H), logits of the bases (N, 4) and the right ones (N,) of the first fragments."""
    device = next(network.parameters()).device
    for step in range(-(-fragments // batches.size)):
        reading = Reading(batches.at(step).to(device), network)
        with torch.no_grad():
            outputs, at = reading.outputs, reading.predicted
        logits = outputs.logits[at][:, FIRST_BASE : FIRST_BASE + BASES].float()
        yield outputs.hidden[at].float(), logits, reading.batch.targets[at] - FIRST_BASE
