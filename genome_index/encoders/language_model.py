"""DNA language models as encoders: tokenize, read chunk by chunk on both strands, pool.

The stored rows of a genome are one for each chunk (its number of tokens, its contig and strand, its vector),
so that chunks can be pooled in another way later, without the genome.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from genome_index.encoders.batching import Device, best_device, run
from genome_index.encoders.checkpoint import digest, find_model, licence_notice, read_config
from genome_index.encoders.chunk_grid import Grid, grid_of
from genome_index.encoders.layer_choice import Layers, parse_layers
from genome_index.encoders.learned_pooling import open_pool, pool_all
from genome_index.encoders.networks.fused_ops import missing_kernels
from genome_index.encoders.networks.loader import open_model
from genome_index.encoders.networks.nucleotide_transformer import NucleotideTransformer
from genome_index.encoders.networks.onednn import lay_out
from genome_index.encoders.out_of_memory import room_for_weights
from genome_index.encoders.pooling import CHUNK_POOLS, TOKEN_POOLS
from genome_index.encoders.protocol import LanguageModel, Rows, Tokenizer
from genome_index.encoders.tokenizers.folder import open_tokenizer, rows_without_token
from genome_index.errors import ModelError, SpecMismatch, UsageError
from genome_index.io.batches import batches
from genome_index.records import Genome, Progress, counted, quiet
from genome_index.spec import Reading

Floats = npt.NDArray[np.float32]

COLUMNS = 3
"""Columns of a stored row before its vector: the chunk's tokens, its run (2 * contig + strand), and the share
of the genome's tokens that was read."""
GROUP_BP, CUDA_GROUP_BP = 400_000, 4_000_000  # genomes tokenized together, while those before are read
UNLIMITED = 1_024  # tokens of a chunk where the model has no limit
MOST_TOKENS = 2_048  # tokens of a chunk unless --chunk-tokens sets more


@dataclass(frozen=True)
class Loaded:
    """A language model ready to read, and its settings."""

    model: LanguageModel
    tokenizer: Tokenizer
    layers: Layers
    chunk_tokens: int  # of sequence, at most in a chunk
    device: Device
    notes: tuple[str, ...]  # for the user: unused weights, a restrictive licence


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
        return [grid_of(genome, it.tokenizer, it.chunk_tokens, self.reading.windows) for genome in genomes]

    def _vectors(self, grids: Sequence[Grid], report: Callable[[float], None]) -> Iterator[Floats]:
        """Chunk vectors, a grid at a time: (C, dim) each. `report` takes the share of tokens read."""
        it = self.loaded
        chunks = [ids for grid in grids for ids in grid.ids]
        all_vectors = np.empty((len(chunks), it.model.width * it.layers.parts), np.float32)
        read, total = 0, sum(len(ids) for ids in chunks)
        for rows, vectors in run(chunks, it.tokenizer, it.device, self._pooled, self.model):
            report(read / total)
            all_vectors[rows] = vectors
            read += sum(len(chunks[row]) for row in rows.tolist())
        ends = np.cumsum([0, *(len(grid.ids) for grid in grids)])
        for start, end in zip(ends[:-1], ends[1:], strict=True):
            yield all_vectors[start:end]

    def _pooled(self, ids: Tensor, mask: Tensor | None, real: Tensor) -> Tensor:
        """Chunk vectors of one batch: (B, T) -> (B, dim)."""
        it, pool = self.loaded, TOKEN_POOLS[self.reading.tokens]
        states = [layer.float() for layer in chosen_states(it.model, ids, mask, it.layers)]
        if it.layers.joined:
            return torch.cat([pool(layer, real) for layer in states], dim=1)
        return pool(states[0] if len(states) == 1 else torch.stack(states).mean(0), real)


def _reporter(progress: Progress, done: int, group: int, total: int) -> Callable[[float], None]:
    """Report progress in genomes from the share of a group that has been read."""
    return lambda share: progress.stage("reading genomes", done + int(share * group), total)


def chosen_states(model: LanguageModel, ids: Tensor, mask: Tensor | None, layers: Layers) -> Iterator[Tensor]:
    """The hidden states of some layers, (B, T, H) each; blocks above the last of them are not computed.

    Several layers are normalised first: the norm of states grows from layer to layer, and the last layer has
    a norm of its own, so that the upper layers would dominate a plain mean.
    """
    chosen = set(layers.numbers)
    for number, states in enumerate(model.hidden(ids, mask)):
        if number in chosen:
            several = len(chosen) > 1
            yield torch.nn.functional.layer_norm(states, states.shape[-1:]) if several else states
        if number == max(chosen):
            return


@lru_cache(maxsize=1)  # a command uses one model at a time, in several places
def load(name: str, reading: Reading) -> Loaded:
    """The model of a folder or hub name, on the GPU if there is one."""
    folder = find_model(name)
    model, warnings = open_model(folder)
    tokenizer = open_tokenizer(folder, model.vocabulary)
    layers = parse_layers(reading.layer, model.layers)
    chunk_tokens = _chunk_tokens(name, model, tokenizer, reading)
    if reading.tokens == "cls" and not tokenizer.before:
        raise UsageError(
            f"{name}: its tokenizer sets no token before the sequence, so there is no cls token; choose mean"
        )
    if reading.tokens == "cls":
        _require_context(name, model, tokenizer, layers)
    device, module = best_device(), cast(torch.nn.Module, model)
    with room_for_weights(name, device.name):
        module.to(device.name, getattr(torch, precision_of(reading.precision)))
        if not device.is_cuda:
            lay_out(module)
    licence = licence_notice(name, read_config(folder), folder)
    kernels = missing_kernels(device.name) if isinstance(model, NucleotideTransformer) else []
    sizes = rows_without_token(tokenizer, model.vocabulary, name)
    notes = (*warnings, *sizes, *([licence] if licence else []), *kernels)
    return Loaded(model, tokenizer, layers, chunk_tokens, device, notes)


def _require_context(name: str, model: LanguageModel, tokenizer: Tokenizer, layers: Layers) -> None:
    """Raise UsageError if the first token does not depend on the others: all vectors would be equal."""
    chunks = [tokenizer.token_ids(sequence) for sequence in (b"ACGTTGCA" * 9, b"GGATCCTA" * 9)]
    batches = [torch.tensor([[*tokenizer.before, *ids]]) for ids in chunks]
    first = [torch.stack(list(chosen_states(model, ids, None, layers)))[:, :, 0] for ids in batches]
    if torch.equal(*first):
        raise UsageError(
            f"{name}: in this layer its first token does not depend on those after it (layer 0, or a model "
            "that reads from left to right), so cls would be the same for all genomes; choose mean"
        )


def precision_of(precision: str) -> str:
    """The precision of --precision here; auto is bfloat16 on a GPU that has it, else float32.

    On a CPU bfloat16 is 1.3 to 2 times as fast where the processor has it, but then the other chunks of a
    batch change the fourth digit of a vector.
    """
    if precision != "auto":
        return precision
    fast = best_device().is_cuda and torch.cuda.is_bf16_supported(including_emulation=False)
    return "bfloat16" if fast else "float32"


def _chunk_tokens(name: str, model: LanguageModel, tokenizer: Tokenizer, reading: Reading) -> int:
    special, most = len(tokenizer.before) + len(tokenizer.after), model.most_tokens
    if reading.chunk_tokens and most and reading.chunk_tokens + special > most:
        raise ModelError(
            name,
            f"--chunk-tokens {reading.chunk_tokens:,} and {counted(special, 'special token')} are more than "
            f"the {most:,} that this model reads at once; give at most {most - special:,}",
        )
    return reading.chunk_tokens or min(most or UNLIMITED, MOST_TOKENS) - special


def _rows(grid: Grid, vectors: Floats) -> Floats:
    share = np.full(len(vectors), grid.share_read)
    return np.column_stack([grid.tokens, grid.run, share, vectors]).astype(np.float32)
