"""Learned poolings of a genome's chunks: attention, or a GRU along each contig.

Both start as the weighted mean, because their last layer starts at zero, and training departs from the mean
only where that helps. Neither the order of contigs nor the strand changes the result: a GRU reads each run
(one contig on one strand) by itself, and runs are averaged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from genome_index.encoders.protocol import Rows
from genome_index.errors import IndexDamaged
from genome_index.io.atomic import write_file
from genome_index.spec import Reading

Floats = npt.NDArray[np.float32]

INNER = 64  # width of the hidden state of attention and of the GRU
KINDS = ("attention", "gru")
BATCH_GENOMES = 64  # pooled at a time


class Chunks:
    """The chunks of G genomes in one table: C chunks in all, R runs."""

    def __init__(self, genomes: Rows, columns: int) -> None:
        rows = torch.from_numpy(np.concatenate(list(genomes)).astype(np.float32))
        counts = torch.tensor([len(genome) for genome in genomes])
        self.genomes = len(genomes)
        self.vectors = rows[:, columns:]  # (C, H)
        self.owner = torch.repeat_interleave(torch.arange(len(genomes)), counts)  # (C,)
        weight = rows[:, 0].double()
        total = torch.zeros(len(genomes), dtype=torch.float64).index_add(0, self.owner, weight)
        self.weight = (weight / total[self.owner]).float()  # (C,) tokens, as a share of the genome's
        change = torch.ones(len(rows), dtype=torch.bool)
        change[1:] = (rows[1:, 1] != rows[:-1, 1]) | (self.owner[1:] != self.owner[:-1])
        self.run = change.long().cumsum(0) - 1  # (C,)

    def mean(self) -> Tensor:
        """The weighted mean: (G, H)."""
        return self.summed(self.vectors * self.weight[:, None])

    def summed(self, values: Tensor) -> Tensor:
        """Sums of the chunks' values by genome: (C, H) -> (G, H)."""
        return torch.zeros(self.genomes, values.shape[1]).index_add(0, self.owner, values)


class AttentionPool(nn.Module):
    """Softmax attention over chunks that starts as the mean (Ilse et al. 2018, arXiv 1802.04712)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.inner, self.score = nn.Linear(width, INNER), nn.Linear(INNER, 1)
        nn.init.zeros_(self.score.weight)
        nn.init.zeros_(self.score.bias)

    def forward(self, chunks: Chunks) -> Tensor:
        scores = self.score(torch.tanh(self.inner(self.norm(chunks.vectors))))[:, 0]
        none = torch.full((chunks.genomes,), float("-inf"))
        highest = none.scatter_reduce(0, chunks.owner, scores.detach(), "amax")  # of each genome
        weights = chunks.weight * torch.exp(scores - highest[chunks.owner])
        total = torch.zeros(chunks.genomes).index_add(0, chunks.owner, weights)
        return chunks.summed(chunks.vectors * (weights / total[chunks.owner])[:, None])


class GruPool(nn.Module):
    """The mean plus a correction by a GRU that reads each contig's chunks in order, on both strands."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.gru = nn.GRU(width, INNER, batch_first=True)
        self.out = nn.Linear(INNER, width, bias=False)
        nn.init.zeros_(self.out.weight)

    def forward(self, chunks: Chunks) -> Tensor:
        order, sizes = _step_by_step(chunks.run)
        states, _ = self.gru(PackedSequence(self.norm(chunks.vectors)[order], sizes))
        read = torch.empty_like(states.data).index_copy(0, order, states.data)
        return chunks.mean() + chunks.summed(self.out(read) * chunks.weight[:, None])


def _step_by_step(run: Tensor) -> tuple[Tensor, Tensor]:
    """The order in which a packed GRU reads chunks, and the number of runs with a first, a second ... chunk.

    (C,) -> (C,), (longest run,). torch's own `pack_sequence` pads all runs to the longest one, and a draft
    assembly has a few long contigs and hundreds of short ones: 100 MB per genome instead of 1.
    """
    lengths = torch.bincount(run)
    first = lengths.cumsum(0) - lengths
    position = torch.arange(len(run)) - first[run]
    rank = torch.empty_like(lengths).index_copy(
        0, (-lengths).argsort(stable=True), torch.arange(len(lengths))
    )
    return (position * len(lengths) + rank[run]).argsort(), torch.bincount(position)


def new_pool(kind: str, width: int) -> nn.Module:
    return {"attention": AttentionPool, "gru": GruPool}[kind](width)


def pool_all(module: nn.Module, genomes: Rows, columns: int) -> Floats:
    """Genome vectors of stored chunk rows: G of (C, columns + H) -> (G, H); zeros without chunks."""
    vectors = np.zeros((len(genomes), genomes[0].shape[1] - columns), np.float32)
    with_chunks = [at for at, rows in enumerate(genomes) if len(rows)]
    with torch.inference_mode():
        for start in range(0, len(with_chunks), BATCH_GENOMES):
            batch = with_chunks[start : start + BATCH_GENOMES]
            vectors[batch] = module(Chunks([genomes[at] for at in batch], columns)).numpy()
    return vectors


def save_pool(module: nn.Module, kind: str, root: Path) -> str:
    """Write a fitted pool into an index; returns its name for the settings, `kind:digest`."""
    from safetensors.torch import save

    content = save({name: value.contiguous() for name, value in module.state_dict().items()})
    name = f"{kind}:{hashlib.sha256(content).hexdigest()[:16]}"
    path = root / cast(Path, Reading(chunks=name).pool_file)
    path.parent.mkdir(exist_ok=True)
    write_file(path, content)
    return name


def open_pool(name: str, root: Path) -> nn.Module:
    """The pool of that name in an index.

    Raises
    ------
    IndexDamaged
    """
    from safetensors.torch import load

    reading = Reading(chunks=name)
    path = root / cast(Path, reading.pool_file)
    content = path.read_bytes() if path.exists() else b""
    if not reading.is_fitted_pool(content):
        raise IndexDamaged(str(path), "the fitted pool is missing or its checksum differs")
    values: Mapping[str, Tensor] = load(content)
    module = new_pool(name.partition(":")[0], values["norm.weight"].shape[0])
    module.load_state_dict(values)
    return module.eval()
