"""Freezing of parts of a model: which parameters do not change in the first steps, or at all.

A frozen parameter has no gradient, so that AdamW neither moves nor decays it.

Gradual unfreezing begins with the top layer, and goes on to the next below (Howard and Ruder 2018, ULMFiT,
arXiv 1801.06146, 3.3); the embeddings come last.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from torch import nn

from genome_index.encoders.networks.annotation.annotation_model import AnnotationModel
from genome_index.errors import UsageError
from genome_index.lab.annotate.training.adapters import trains_with_adapters

PARTS = {  # part -> the names of its parameters
    "embeddings": r"bert\.embeddings\.",
    "encoder": r"bert\.encoder\.",
    "decoder": r"decoder\.",
    "cross-attention": r"decoder\.layer\.\d+\.crossattention\.",
    "experts": r"(bert\.encoder|decoder)\.layer\.\d+\.mlp\.(experts|router)\.",
    "pointers": r"pointers\.",
    "head": r"head\.",
    "places": r"(phase|context)\.",
}
ALL = "all"
_LAYER = re.compile(r"(bert\.encoder|decoder)\.layer\.(\d+)\.")
_EMBEDDINGS = re.compile(PARTS["embeddings"])


@dataclass(frozen=True)
class Freeze:
    """A part, and the steps in which it does not change."""

    part: str
    steps: float  # inf: all of them

    def holds(self, name: str) -> bool:
        return re.match(PARTS[self.part], name) is not None


def freeze_of(option: str) -> Freeze:
    """The value of `--freeze`, as `encoder:500` or `embeddings:all`.

    >>> freeze_of("encoder:500")
    Freeze(part='encoder', steps=500)

    Raises
    ------
    UsageError
    """
    part, _, steps = option.partition(":")
    if part not in PARTS:
        raise UsageError(f"--freeze {option}: give PART:STEPS, where PART is {', '.join(PARTS)}")
    if steps != ALL and not steps.isdecimal():
        raise UsageError(f"--freeze {option}: give {part}: and a number of steps, or {part}:{ALL}")
    return Freeze(part, inf if steps == ALL else int(steps))


@dataclass(frozen=True)
class FirstSteps:
    """The first step in which each parameter of a model is trained; inf for one that never is."""

    model: nn.Module
    steps: dict[str, float]  # by the parameter's name

    def apply(self, step: int) -> None:
        """Freeze what does not change in a step, and no more."""
        for name, parameter in self.model.named_parameters():
            parameter.requires_grad_(step >= self.steps[name])


def first_steps(
    model: AnnotationModel, freezes: Sequence[Freeze], unfreeze_every: int, adapters: bool
) -> FirstSteps:
    """The plan of a training.

    Parameters
    ----------
    unfreeze_every
        Steps after which one layer more is trained, the top one from the start; 0: all layers at once.
    adapters
        Whether the model has adapters, beside which only what is new is trained.

    Raises
    ------
    UsageError
        Nothing is left to train in the first step.
    """
    layers = {"bert.encoder": model.config.layers, "decoder": model.config.decoder_layers}
    steps: dict[str, float] = {}
    for name, _ in model.named_parameters():
        frozen = [each.steps for each in freezes if each.holds(name)]
        frozen.append(unfreeze_every * _above(name, layers))
        frozen.append(inf if adapters and not trains_with_adapters(name) else 0)
        steps[name] = max(frozen)
    if min(steps.values()) > 0:
        raise UsageError("--freeze: no part is left to train in the first step; freeze fewer parts")
    return FirstSteps(model, steps)


def _above(name: str, layers: dict[str, int]) -> int:
    """The number of layers that are trained before a parameter."""
    if found := _LAYER.match(name):
        return layers[found[1]] - 1 - int(found[2])
    return max(layers.values()) if _EMBEDDINGS.match(name) else 0
