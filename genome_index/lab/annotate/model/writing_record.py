"""Record of what a model did while it wrote: choices that the grammar forbade, targets at the limit, experts.

A grammar lets no target be written that cannot be read, so what a model would do without it is counted: at
each step, behind the choices made before, the best of all that the model was trained to choose from. With
pointers these are the words and source tokens of the slot, with text all words of targets. If the grammar
forbids the best one, such as an end before its start, the best allowed one is made.

Shapes: B windows, T source tokens, V words, S slots, E experts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from genome_index.encoders.networks.annotation.config import AnnotationConfig
from genome_index.encoders.networks.annotation.routing import Routing
from genome_index.lab.annotate.model.grammar import PointerGrammar, Slot
from genome_index.lab.annotate.model.text_grammar import TextGrammar

Grammar = PointerGrammar | TextGrammar
Part = Literal["encoder", "decoder"]
POINTED = (Slot.START, Slot.END)  # where source tokens may stand


@dataclass(frozen=True)
class LayerLoad:
    """What one layer's experts got."""

    part: Part
    layer: int  # from 0
    choices: tuple[int, ...]  # of each expert
    dropped: int  # choices beyond the capacity of their expert

    @property
    def shares(self) -> tuple[float, ...]:
        """Of all choices; 0 if there were none."""
        total = max(1, sum(self.choices))
        return tuple(own / total for own in self.choices)

    @property
    def entropy(self) -> float:
        """Nats; log E where the load is equal, 0 where one expert has all."""
        return sum(-share * math.log(share) for share in self.shares if share)


@dataclass
class WritingRecord:
    """Counts over all windows that a model wrote."""

    config: AnnotationConfig
    free: Tensor  # (S, V) words that may stand in each slot, or (V,) those of targets as text
    choices: int = 0
    forbidden: int = 0  # choices of which the best was not allowed
    windows: int = 0
    windows_with_forbidden: int = 0
    windows_at_limit: int = 0  # with as many lines as the grammar lets a target have
    _loads: dict[tuple[Part, int], Tensor] = field(default_factory=dict)
    _dropped: dict[tuple[Part, int], int] = field(default_factory=dict)

    def layer_loads(self) -> tuple[LayerLoad, ...]:
        """Of each layer with experts, encoder first; none if the model wrote nothing."""
        return tuple(
            LayerLoad(*key, tuple(load.tolist()), self._dropped[key]) for key, load in self._loads.items()
        )

    def add_routings(self, part: Part, routings: Sequence[Routing]) -> None:
        """Add what the layers of one pass through a part did, in order."""
        layers = self.config.expert_layers(part)
        for layer, routing in zip(layers, routings, strict=True):
            load = routing.load.cpu()
            self._loads[part, layer] = self._loads.get((part, layer), torch.zeros_like(load)) + load
            self._dropped[part, layer] = self._dropped.get((part, layer), 0) + int(routing.dropped)

    def forbidden_in(self, scores: Tensor, hidden: Tensor, grammars: Sequence[Grammar]) -> list[bool]:
        """Count a step; whether the best free choice of each window is hidden: (B, V + T), (B, V + T).

        Windows that are done have no choice, and a choice that is as good as the best one is free too.
        """
        lowest = float("-inf")
        free = scores.masked_fill(self._hidden_anyway(scores, grammars), lowest).amax(-1)
        allowed = scores.masked_fill(hidden, lowest).amax(-1)
        forbidden = [
            is_better and not own.done
            for is_better, own in zip((free > allowed).tolist(), grammars, strict=True)
        ]
        self.choices += sum(not own.done for own in grammars)
        self.forbidden += sum(forbidden)
        return forbidden

    def _hidden_anyway(self, scores: Tensor, grammars: Sequence[Grammar]) -> Tensor:
        """What the model was not trained to choose from at this step: (B, V + T)."""
        slots = [own.slot for own in grammars if isinstance(own, PointerGrammar)]
        words = self.free[slots] if slots else self.free.expand(len(grammars), -1)
        pointed = torch.tensor([slot in POINTED for slot in slots] or [False] * len(grammars))
        tokens = pointed[:, None].expand(-1, scores.shape[1] - words.shape[1])
        return ~torch.cat([words, tokens], dim=1).to(scores.device)

    def add_targets(self, had_forbidden: Sequence[bool], grammars: Sequence[Grammar]) -> None:
        """Count complete targets."""
        self.windows += len(grammars)
        self.windows_with_forbidden += sum(had_forbidden)
        self.windows_at_limit += sum(len(own.lines) >= own.most_lines for own in grammars)
