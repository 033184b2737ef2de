"""Genome vectors of all hidden layers of a language model, from one pass, in several poolings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from genome_index.encoders.batching import run
from genome_index.encoders.language_model import Transformer
from genome_index.encoders.layer_choice import Layers, parse_layers
from genome_index.encoders.pooling import TOKEN_POOLS
from genome_index.encoders.protocol import PackedModel, Packing
from genome_index.records import Genome, Progress, quiet

Floats = npt.NDArray[np.float32]


def read_layers(
    encoder: Transformer, genomes: Sequence[Genome], layers: str = "all", progress: Progress = quiet
) -> tuple[dict[tuple[int, str], Floats], float]:
    """(layer, token pooling) -> genome vectors (N, H): weighted means over the chunks of both strands.

    The second value is the share of the genomes' tokens that was read: less than 1 where windows are sampled.
    `layers` is `all`, or one of the forms of `--layer`, whose layers are then taken one by one.
    """
    it = encoder.loaded
    all_numbers = tuple(range(it.model.layers + 1))
    numbers = all_numbers if layers == "all" else parse_layers(layers, it.model.layers).numbers
    pools = [name for name in TOKEN_POOLS if name != "cls" or it.tokenizer.before]
    total = np.zeros((len(genomes), len(numbers), len(pools), it.model.width))
    read, present = np.zeros(len(genomes)), 0.0  # tokens

    def step(ids: Tensor, mask: Tensor | None, real: Tensor) -> Tensor:
        return _pooled(it.model.hidden(ids, mask), Layers(numbers), pools, real)

    def packed_step(ids: Tensor, packing: Packing, real: Tensor) -> Tensor:
        hidden = cast(PackedModel, it.model).hidden_packed(ids, packing)
        return _pooled(hidden, Layers(numbers), pools, real, packing)

    done = 0
    for grids in encoder.iter_grids(genomes):
        chunks = [ids for grid in grids for ids in grid.ids]
        tokens = np.array([len(ids) for ids in chunks], np.int64)
        owner = np.repeat(np.arange(done, done + len(grids)), [len(grid.ids) for grid in grids])
        through = 0
        packed = packed_step if it.packed else None
        for rows, pooled in run(chunks, it.tokenizer, it.device, step, encoder.model, packed):
            share = through / tokens.sum()
            progress.stage(f"genomes through {encoder.model}", done + int(share * len(grids)), len(genomes))
            through += int(tokens[rows].sum())
            weighted = pooled.astype(np.float64) * tokens[rows][:, None, None, None]
            np.add.at(total, owner[rows], weighted)
        read += np.bincount(owner, tokens, len(genomes))
        present += sum(grid.tokens.sum() / grid.share_read for grid in grids if grid.share_read)
        done += len(grids)
    means = (total / np.maximum(read, 1)[:, None, None, None]).astype(np.float32)
    tables = {
        (layer, pool): np.ascontiguousarray(means[:, at, number])
        for at, layer in enumerate(numbers)
        for number, pool in enumerate(pools)
    }
    return tables, float(read.sum() / max(1.0, present))


def _pooled(
    hidden: Iterator[Tensor],
    layers: Layers,
    pools: Sequence[str],
    real: Tensor,
    packing: Packing | None = None,
) -> Tensor:
    """Chunk vectors of each chosen layer in every pooling: (B, T, H), or packed, each -> (B, L, P, H)."""
    vectors = []
    for number, states in enumerate(hidden):
        if number in layers.numbers:
            full = (states if packing is None else packing.unpacked(states)).float()
            vectors.append(torch.stack([TOKEN_POOLS[pool](full, real) for pool in pools], 1))
        if number == max(layers.numbers):
            break
    return torch.stack(vectors, 1)
