"""Sizes of annotation models, and what one weighs before it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch

from genome_index.encoders.networks.annotation.annotation_model import AnnotationModel
from genome_index.encoders.networks.annotation.config import AnnotationConfig
from genome_index.encoders.networks.annotation.experts import Expert
from genome_index.errors import UsageError

BYTES = 4  # of a float32
FULL = "full"


@dataclass(frozen=True)
class NamedSize:
    """The shape of one value of `--size`."""

    width: int
    layers: int
    decoder_layers: int
    heads: int
    inner: int


SIZES: Mapping[str, NamedSize] = MappingProxyType(
    {
        "tiny": NamedSize(width=128, layers=4, decoder_layers=2, heads=4, inner=256),  # learns on two cores
        "small": NamedSize(width=256, layers=4, decoder_layers=4, heads=8, inner=1024),
        FULL: NamedSize(width=768, layers=12, decoder_layers=12, heads=12, inner=3072),  # DNABERT-2's
    }
)


@dataclass(frozen=True)
class Weight:
    """The parameters of a model."""

    parameters: int  # a tied head is counted once
    active: int  # of them, those that one token meets: its top k experts alone

    @property
    def megabytes(self) -> float:
        """10^6 bytes of the weights in float32; AdamW needs four times as much in training."""
        return self.parameters * BYTES / 1e6

    def sentence(self) -> str:
        """Parameters, MB, and the parameters that a token meets.

        >>> Weight(1_447_539_712, 427_961_344).sentence()
        '1,447,539,712 parameters (1.45 B), 5,790 MB in float32; one token meets 427,961,344 of them'
        """
        return (
            f"{self.parameters:,} parameters ({_short(self.parameters)}), "
            f"{self.megabytes:,.0f} MB in float32; one token meets {self.active:,} of them"
        )


def named_size(size: str) -> NamedSize:
    """The shape of a size; UsageError for an unknown one."""
    if size not in SIZES:
        raise UsageError(f"--size {size}: choose {', '.join(SIZES)}")
    return SIZES[size]


def weigh(config: AnnotationConfig) -> Weight:
    """Count the parameters of a model without making it."""
    with torch.device("meta"):
        model = AnnotationModel(config)
        expert = Expert(config.width, config.inner)
    parameters = sum(weight.numel() for weight in model.parameters())
    layers = len(config.expert_layers("encoder")) + len(config.expert_layers("decoder"))
    idle = layers * (config.experts - config.top_k) * sum(weight.numel() for weight in expert.parameters())
    return Weight(parameters, parameters - idle)


def _short(parameters: int) -> str:
    return f"{parameters / 1e9:.2f} B" if parameters >= 1e8 else f"{parameters / 1e6:.2f} M"
