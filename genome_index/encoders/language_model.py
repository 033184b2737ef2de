"""DNA language models as encoders: tokenize, read chunk by chunk on both strands, pool.

The stored rows of a genome are one for each chunk (its number of tokens, its contig and strand, its vector),
so that chunks can be pooled in another way later, without the genome.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from genome_index.encoders.batching import run
from genome_index.encoders.checkpoint import digest, find_model
from genome_index.encoders.chunk_grid import Grid, grid_of
from genome_index.encoders.learned_pooling import open_pool, pool_all
from genome_index.encoders.loaded_model import Loaded, chosen_states, load
from genome_index.encoders.pooling import CHUNK_POOLS, TOKEN_POOLS
from genome_index.encoders.protocol import PackedModel, Packing, Rows
from genome_index.errors import SpecMismatch
from genome_index.io.batches import batches
from genome_index.records import Genome, Progress, quiet
from genome_index.spec import Reading

Floats = npt.NDArray[np.float32]

COLUMNS = 3
"""Columns of a stored row before its vector: the chunk's tokens, its run (2 * contig + strand), and the share
of the genome's tokens that was read."""
GROUP_BP, CUDA_GROUP_BP = 400_000, 4_000_000  # genomes tokenized together, while those before are read


class Transformer:
    """A language model as an encoder, loaded when it first reads.

    Raises, when it first reads
    ---------------------------
    ModelError, UsageError
        The model cannot be found or read, or does not support the settings.
    SpecMismatch
        The model has another version.
    """

    name = "transformer"
    parallel = False  # torch uses all cores for one batch

    def __init__(self, model: str, reading: Reading, version: str = "", root: Path = Path()) -> None:
        self.model, self.reading, self._expected, self._root = model, reading, version, root

    @cached_property
    def version(self) -> str:
        """Digest of weights, configuration and tokenizer."""
        return digest(find_model(self.model))

    @cached_property
    def loaded(self) -> Loaded:
        if self._expected and self.version != self._expected:
            raise SpecMismatch(
                self.model, "encoder_version", self._expected, self.version,
                f"the index was built with another model (its digest is {self._expected}, that of this one "
                f"{self.version}); give that one with --model FOLDER, or build a new index",
            )  # fmt: skip
        return load(self.model, self.reading)

    def notes(self) -> tuple[str, ...]:
        return self.loaded.notes

    def encode(self, genomes: Sequence[Genome], progress: Progress = quiet) -> list[Floats]:
        """Chunk rows of each genome: (N,) -> N of (C, COLUMNS + H); C is 0 without a readable stretch."""
        return list(self.iter_encode(genomes, progress))

    def iter_encode(self, genomes: Sequence[Genome], progress: Progress = quiet) -> Iterator[Floats]:
        """The same, a genome at a time."""
        return (_rows(grid, vectors) for grid, vectors in self._read(genomes, progress))

    def features(self, raw: Rows) -> Floats:
        """Genome vectors of stored rows: N of (C, COLUMNS + H) -> (N, H); zeros where nothing was read."""
        if ":" in self.reading.chunks:
            return pool_all(open_pool(self.reading.chunks, self._root), raw, COLUMNS)
        pool = CHUNK_POOLS[self.reading.chunks]
        vectors = np.zeros((len(raw), raw[0].shape[1] - COLUMNS), np.float32)
        for at, rows in enumerate(raw):
            if len(rows):
                stored = np.asarray(rows, np.float32)
                vectors[at] = pool(stored[:, COLUMNS:], stored[:, 0].astype(np.int64))
        return vectors

    def shares(self, raw: Rows) -> Floats:
        """Share of each genome read, (N,): less than 1 where windows were sampled, 0 if it is all N."""
        return np.array([rows[0, 2] if len(rows) else 0 for rows in raw], np.float32)

    def _read(self, genomes: Sequence[Genome], progress: Progress) -> Iterator[tuple[Grid, Floats]]:
        """Each genome's chunks and their vectors."""
        done = 0
        for grids in self.iter_grids(genomes):
            report = _reporter(progress, done, len(grids), len(genomes))
            yield from zip(grids, self._vectors(grids, report), strict=True)
            done += len(grids)
        if self.loaded.device.is_cuda:
            torch.cuda.empty_cache()  # FAISS and other processes may need the memory that torch reserves

    def iter_grids(self, genomes: Sequence[Genome]) -> Iterator[list[Grid]]:
        """The chunks of some genomes, a group at a time; the next is tokenized while this one is read."""
        groups = list(batches(genomes, None, CUDA_GROUP_BP if self.loaded.device.is_cuda else GROUP_BP))
        with ThreadPoolExecutor(1) as ahead:
            waiting = [ahead.submit(self._grids, group) for group in groups[:1]]
            for number in range(len(groups)):
                grids = waiting.pop().result()
                if number + 1 < len(groups):
                    waiting.append(ahead.submit(self._grids, groups[number + 1]))
                yield grids

    def _grids(self, genomes: Sequence[Genome]) -> list[Grid]:
        it = self.loaded
        reading = self.reading
        return [
            grid_of(genome, it.tokenizer, it.chunk_tokens, reading.windows, reading.strands)
            for genome in genomes
        ]

    def _vectors(self, grids: Sequence[Grid], report: Callable[[float], None]) -> Iterator[Floats]:
        """Chunk vectors, a grid at a time: (C, dim) each. `report` takes the share of tokens read."""
        it = self.loaded
        chunks = [ids for grid in grids for ids in grid.ids]
        all_vectors = np.empty((len(chunks), it.model.width * it.layers.parts), np.float32)
        read, total = 0, sum(len(ids) for ids in chunks)
        packed = self._pooled_packed if it.packed else None
        for rows, vectors in run(chunks, it.tokenizer, it.device, self.pooled, self.model, packed):
            report(read / total)
            all_vectors[rows] = vectors
            read += sum(len(chunks[row]) for row in rows.tolist())
        ends = np.cumsum([0, *(len(grid.ids) for grid in grids)])
        for start, end in zip(ends[:-1], ends[1:], strict=True):
            yield all_vectors[start:end]

    def pooled(self, ids: Tensor, mask: Tensor | None, real: Tensor) -> Tensor:
        """Chunk vectors of one batch: (B, T) -> (B, dim)."""
        return self._vectors_of(chosen_states(self.loaded.model.hidden(ids, mask), self.loaded.layers), real)

    def _pooled_packed(self, ids: Tensor, packing: Packing, real: Tensor) -> Tensor:
        """The same of chunks that lie end to end: (1, T) -> (B, dim)."""
        model = cast(PackedModel, self.loaded.model)
        chosen = chosen_states(model.hidden_packed(ids, packing), self.loaded.layers)
        return self._vectors_of(map(packing.unpacked, chosen), real)

    def _vectors_of(self, chosen: Iterator[Tensor], real: Tensor) -> Tensor:
        """Chunk vectors of the chosen layers' states: (B, T, H) each -> (B, dim)."""
        layers, pool = self.loaded.layers, TOKEN_POOLS[self.reading.tokens]
        states = [layer.float() for layer in chosen]
        if layers.joined or layers.apart:
            return torch.cat([pool(layer, real) for layer in states], dim=1)
        return pool(states[0] if len(states) == 1 else torch.stack(states).mean(0), real)


def _reporter(progress: Progress, done: int, group: int, total: int) -> Callable[[float], None]:
    """Report progress in genomes from the share of a group that has been read."""
    return lambda share: progress.stage("reading genomes", done + int(share * group), total)


def _rows(grid: Grid, vectors: Floats) -> Floats:
    share = np.full(len(vectors), grid.share_read)
    return np.column_stack([grid.tokens, grid.run, share, vectors]).astype(np.float32)
