"""Networks of long convolutions: S4D, MultiresConv or Hyena, causal or of both directions.

A block is a norm, a mixer of positions and a residual, then a norm, a gated feed-forward part and a
residual. In both directions a second mixer reads the sequence backwards, and the two are added. The head is
the table of embeddings.

Shapes: B sequences, L positions, D width, V tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, cast, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from genome_index.encoders.networks.mixers.hyena import Hyena
from genome_index.encoders.networks.mixers.multires import MultiresConv
from genome_index.encoders.networks.mixers.s4d import S4D
from genome_index.errors import UsageError

Mixer = Literal["s4d", "multires", "hyena"]
MIXERS: dict[str, Callable[[MixerConfig], nn.Module]] = {
    "s4d": lambda config: S4D(config.width),
    "multires": lambda config: MultiresConv(config.width),
    "hyena": lambda config: Hyena(config.width, config.length),
}


@dataclass(frozen=True)
class MixerConfig:
    """The shape of a network; config.json holds these fields by these names."""

    vocab: int
    width: int = 128
    layers: int = 6
    ffn: int = 256  # width within the feed-forward part
    mixer: Mixer = "s4d"
    causal: bool = True
    equivariant: bool = False  # reads both strands, so that logits of the other strand are the same reversed
    length: int = 1_024  # tokens of the longest fragment in training

    def __post_init__(self) -> None:
        if self.mixer not in get_args(Mixer):
            raise UsageError(f"no mixer is called {self.mixer!r}; choose {', '.join(get_args(Mixer))}")
        if self.equivariant and self.causal:
            raise UsageError("a causal network reads one strand; make an equivariant one with causal=False")


class MixerNetwork(nn.Module):
    """Token ids to states and logits. Padding, where the mask is False, changes no token."""

    def __init__(self, config: MixerConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocab, config.width)
        nn.init.normal_(self.embedding.weight, std=config.width**-0.5)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)
        self.bias = nn.Parameter(torch.zeros(config.vocab))

    def states(self, ids: Tensor, mask: Tensor | None = None) -> Iterator[Tensor]:
        """The embeddings, then the output of each block, the last one normed: (B, L) -> (B, L, D) each."""
        x = self.embedding(ids)
        yield x
        for number, block in enumerate(self.blocks, start=1):
            x = block(x, mask)
            yield self.norm(x) if number == len(self.blocks) else x

    def hidden(self, ids: Tensor, mask: Tensor | None = None) -> Tensor:
        """The last states: (B, L) -> (B, L, D)."""
        *_, last = self.states(ids, mask)
        return last

    def logits(self, hidden: Tensor) -> Tensor:
        """(B, L, D) -> (B, L, V)."""
        return functional.linear(hidden, self.embedding.weight, self.bias)


class Block(nn.Module):
    def __init__(self, config: MixerConfig) -> None:
        super().__init__()
        make = MIXERS[config.mixer]
        self.mixers = nn.ModuleList(make(config) for _ in range(1 if config.causal else 2))
        self.norms = nn.ModuleList(nn.LayerNorm(config.width) for _ in range(2))
        self.within = nn.Linear(config.width, 2 * config.ffn)
        self.out = nn.Linear(config.ffn, config.width)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        first, second = self.norms
        x = x + functional.gelu(self._mixed(first(x), mask))
        value, gate = self.within(second(x)).chunk(2, dim=-1)
        return x + cast("Tensor", self.out(value * torch.sigmoid(gate)))

    def _mixed(self, x: Tensor, mask: Tensor | None) -> Tensor:
        if mask is not None:
            x = x * mask[..., None].to(x.dtype)
        forward = _mix(self.mixers[0], x, mask)
        if len(self.mixers) == 1:
            return forward
        flipped = None if mask is None else mask.flip(1)
        return forward + _mix(self.mixers[1], x.flip(1), flipped).flip(1)


def _mix(mixer: nn.Module, x: Tensor, mask: Tensor | None) -> Tensor:
    return cast("Tensor", mixer(x, mask) if isinstance(mixer, Hyena) else mixer(x))
