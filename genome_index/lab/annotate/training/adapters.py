"""Low-rank adapters on the projections of self-attention (LoRA, Hu et al. 2021, arXiv 2106.09685).

A weight W is used as W + scale x up @ down, in which W is frozen; `up` is zero at first, so that the model
computes the same to the bit. At the end of a training they are merged into the weights, and the folder is one
like all others.

The library peft does the same, and merges to the same weights (a test holds both together where it is
installed). It is not used: it brings accelerate and psutil, and 4 s of imports, for what torch's
parametrizations do here in a few lines.

Shapes: R rank, O rows and I columns of a weight.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Generator, Tensor, nn
from torch.nn.utils import parametrize

from genome_index.encoders.networks.annotation.annotation_model import AnnotationModel
from genome_index.encoders.networks.dnabert2 import Attention
from genome_index.errors import UsageError

ADAPTED = "parametrizations.weight.0."  # in the names of an adapter's parameters
NEW = ("pointers.", "phase.", "context.", "head.bias", "crossattention.", ".router.")
"""Parts of the names of what DNABERT-2 does not have: it is trained whole beside the adapters."""


class LowRank(nn.Module):
    """The change of one weight."""

    def __init__(self, rows: int, columns: int, rank: int, scale: float, draws: Generator) -> None:
        super().__init__()
        self.scale = scale  # alpha / R of the paper
        bound = columns**-0.5  # as in the published code, kaiming_uniform_(a=sqrt(5))
        self.down = nn.Parameter(bound * (2 * torch.rand((rank, columns), generator=draws) - 1))  # (R, I)
        self.up = nn.Parameter(torch.zeros(rows, rank))  # (O, R)

    def forward(self, weight: Tensor) -> Tensor:
        """(O, I) -> (O, I)."""
        # In float32 also where a GPU trains in bfloat16: what is merged is then what was trained.
        with torch.autocast(weight.device.type, enabled=False):
            changed: Tensor = weight + self.scale * (self.up @ self.down)
        return changed


def add_adapters(model: AnnotationModel, rank: int, scale: float, seed: int) -> None:
    """Put an adapter on the queries, keys and values of each layer, of the encoder and of the decoder.

    Raises
    ------
    UsageError
        The rank is above the model's width.
    """
    if rank > model.config.width:
        raise UsageError(
            f"--adapters {rank}: the model is {model.config.width} wide; give a rank far below, such as 8"
        )
    draws = torch.Generator().manual_seed(seed)
    for linear in _projections(model):
        change = LowRank(linear.out_features, linear.in_features, rank, scale, draws)
        parametrize.register_parametrization(linear, "weight", change)


def merge_adapters(model: AnnotationModel) -> None:
    """Make the changes a part of the weights, which have their names again."""
    for linear in _projections(model):
        parametrize.remove_parametrizations(linear, "weight", leave_parametrized=True)


def trains_with_adapters(name: str) -> bool:
    """Whether a parameter of a model with adapters is trained: those of adapters, and what is new."""
    return ADAPTED in name or any(part in name for part in NEW)


def _projections(model: AnnotationModel) -> Iterator[nn.Linear]:
    for module in model.modules():
        if isinstance(module, Attention):
            yield module.self.Wqkv
