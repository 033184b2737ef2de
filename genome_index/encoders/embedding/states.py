"""Arrays of hidden states on disk: a vector a layer, a chunk or a token, never all in memory at once."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from genome_index.encoders.batching import Step, run
from genome_index.encoders.chunk_grid import Grid
from genome_index.encoders.language_model import Transformer
from genome_index.encoders.loaded_model import chosen_states

Floats = npt.NDArray[np.float32]

MOST_NUMBERS = 1 << 24  # computed at a time, 64 MB; a single chunk may have more


class Per(StrEnum):
    """What has a vector of its own."""

    GENOME = "genome"
    CHUNK = "chunk"
    TOKEN = "token"


def write_states(encoder: Transformer, grid: Grid, per: Per, path: Path) -> tuple[int, ...]:
    """Write a genome's array in numpy's format; returns its shape.

    The shape is (rows, H), or (rows, layers, H) with `--layer all`; rows are chunks, or the tokens of the
    sequence (no special ones), in the order of the grid; a genome has none: (H,) or (layers, H).
    """
    tail = _tail(encoder)
    if per is Per.GENOME:
        values = _genome_mean(encoder, grid)
        with path.open("wb") as file:
            np.save(file, values, allow_pickle=False)
        return values.shape
    sizes = grid.tokens if per is Per.TOKEN else np.ones(len(grid.ids), np.int64)
    ends = np.concatenate([[0], sizes.cumsum()])
    table = np.lib.format.open_memmap(path, "w+", np.float32, (int(ends[-1]), *tail))
    for chunk, values in _by_chunk(encoder, grid, per):
        table[ends[chunk] : ends[chunk + 1]] = values
    table.flush()
    return table.shape


def _tail(encoder: Transformer) -> tuple[int, ...]:
    """The shape of one vector: (H,), or (layers, H) where layers stay apart."""
    layers, width = encoder.loaded.layers, encoder.loaded.model.width
    return (len(layers.numbers), width) if layers.apart else (width * layers.parts,)


def _genome_mean(encoder: Transformer, grid: Grid) -> Floats:
    """The mean over chunks, weighted as the reading says: (H,) or (layers, H)."""
    weights = grid.tokens if encoder.reading.chunks == "weighted" else np.ones(len(grid.ids))
    total = np.zeros(_tail(encoder))
    for chunk, values in _by_chunk(encoder, grid, Per.CHUNK):
        total += weights[chunk] * values[0].astype(np.float64)
    return np.asarray(total / weights.sum(), np.float32)


def _by_chunk(encoder: Transformer, grid: Grid, per: Per) -> Iterator[tuple[int, Floats]]:
    """The number of each chunk with its vectors, (1 or T, ...), some chunks at a time."""
    it, before = encoder.loaded, len(encoder.loaded.tokenizer.before)
    step = _token_step(encoder) if per is Per.TOKEN else _chunk_step(encoder)
    for start, end in _slices(encoder, grid, per):
        chunks = grid.ids[start:end]
        for rows, values in run(chunks, it.tokenizer, it.device, step, encoder.model):
            for row, vectors in zip(rows.tolist(), values, strict=True):
                own = slice(before, before + len(chunks[row])) if per is Per.TOKEN else None
                yield start + row, vectors[own]


def _slices(encoder: Transformer, grid: Grid, per: Per) -> Iterator[tuple[int, int]]:
    """Consecutive chunks whose vectors have MOST_NUMBERS numbers at most, one chunk at least."""
    each = int(np.prod(_tail(encoder)))
    sizes = each * (grid.tokens if per is Per.TOKEN else np.ones(len(grid.ids), np.int64))
    start, total = 0, 0
    for number, size in enumerate(sizes.tolist()):
        if number > start and total + size > MOST_NUMBERS:
            yield start, number
            start, total = number, 0
        total += size
    if len(sizes):
        yield start, len(sizes)


def _chunk_step(encoder: Transformer) -> Step:
    tail = _tail(encoder)

    def step(ids: Tensor, mask: Tensor | None, real: Tensor) -> Tensor:
        return encoder.pooled(ids, mask, real).view(len(ids), *tail)

    return step


def _token_step(encoder: Transformer) -> Step:
    model, layers = encoder.loaded.model, encoder.loaded.layers

    def step(ids: Tensor, mask: Tensor | None, real: Tensor) -> Tensor:
        states = [layer.float() for layer in chosen_states(model.hidden(ids, mask), layers)]
        if layers.apart:
            vectors = torch.stack(states, 2)
        else:
            vectors = torch.cat(states, 2) if layers.joined else torch.stack(states).mean(0)
        # Padding and special tokens are left out; what a model makes of padding need not be a number.
        return torch.where(real.view(*real.shape, *[1] * (vectors.dim() - 2)), vectors, 0)

    return step
