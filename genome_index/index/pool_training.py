"""Training of a pool: attention or a GRU over a genome's chunks, by supervised contrast of names.

Genomes of one name are drawn together and others apart (Khosla et al. 2020, arXiv 2004.11362); those of
another species of the name count most. Genomes that have no part in training choose the round to stop at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from genome_index.index.vectors.projection import nearest_reference
from genome_index.records import Progress
from genome_index.spec import IndexSpec

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
ChunkRows = Sequence[npt.NDArray[Any]]

BATCH_NAMES, GENOMES_PER_NAME = 32, 4
STEPS, ROUNDS, PATIENCE = 25, 40, 8  # batches in a round; rounds at most, and without improvement
LEARNING_RATE, TEMPERATURE = 1e-3, 0.1
# Of a genome of the same species, beside 1 of another species of the name: all twins of a batch together
# weigh less than one other species. From 0.0001 to 1, accuracy differs by its error at most (RESULTS.md).
TWIN_WEIGHT = 1 / GENOMES_PER_NAME
LEAST_WEIGHT = 1e-6  # divides the 0 of a row alone
SEED = 0


@dataclass(frozen=True)
class TrainingData:
    """Genomes with their chunks and names, divided into three parts by species."""

    chunks: ChunkRows  # of each genome
    names: Rows  # (N,) code of the name at the rank that is learned
    species: Rows  # (N,) number of the species, or, without a name, of its near relatives or its own
    part: Rows  # (N,) 0 for training, 1 for choosing, 2 for the test

    def rows(self, part: int) -> Rows:
        return np.flatnonzero(self.part == part)


@dataclass(frozen=True)
class TrainedPool:
    """A pool as it was after its best round."""

    module: nn.Module
    kind: str  # attention or gru
    rounds: int  # until then; 0 where training did not improve it
    right: float  # share of the genomes for choosing whose nearest genome of the training part has their name


def train_pool(kind: str, data: TrainingData, progress: Progress) -> TrainedPool:
    """Train a pool of one kind on the first part; the second part chooses when to stop."""
    import copy

    import torch

    from genome_index.encoders.language_model import COLUMNS
    from genome_index.encoders.learned_pooling import new_pool

    torch.manual_seed(SEED)
    train = data.rows(0)
    module = new_pool(kind, data.chunks[0].shape[1] - COLUMNS)
    centre = torch.from_numpy(pooled(None, [data.chunks[at] for at in train]).mean(axis=0))
    optimiser = torch.optim.AdamW(module.parameters(), LEARNING_RATE)
    best = TrainedPool(copy.deepcopy(module), kind, 0, _right_when_choosing(module, data))
    for number in range(1, ROUNDS + 1):
        progress.stage(f"training {kind}", number - 1, ROUNDS)
        _train_one_round(module, optimiser, data, centre, number)
        right = _right_when_choosing(module, data)
        if right > best.right:
            best = TrainedPool(copy.deepcopy(module), kind, number, right)
        if number - best.rounds >= PATIENCE:
            break
    best.module.eval()
    return best


def _train_one_round(
    module: nn.Module, optimiser: torch.optim.Optimizer, data: TrainingData, centre: Tensor, number: int
) -> None:
    import torch

    from genome_index.encoders.language_model import COLUMNS
    from genome_index.encoders.learned_pooling import Chunks

    module.train()
    for batch in training_batches(data.names, data.rows(0), number):
        vectors = module(Chunks([data.chunks[at] for at in batch], COLUMNS)) - centre
        names, species = (torch.from_numpy(each[batch]) for each in (data.names, data.species))
        loss = contrast(torch.nn.functional.normalize(vectors, dim=1), names, species)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no types here
        optimiser.step()
    module.eval()


def training_batches(names: Rows, train: Rows, number: int) -> Iterator[Rows]:
    """The STEPS batches of a round: up to BATCH_NAMES names with two to GENOMES_PER_NAME genomes each."""
    generator = np.random.default_rng((SEED, number))
    members: dict[int, list[int]] = {}
    for at in generator.permutation(train).tolist():
        members.setdefault(int(names[at]), []).append(at)
    groups = [group for group in members.values() if len(group) > 1]
    for _ in range(STEPS if groups else 0):
        chosen = generator.permutation(len(groups))[:BATCH_NAMES]
        yield np.concatenate([generator.permutation(groups[at])[:GENOMES_PER_NAME] for at in chosen])


def contrast(vectors: Tensor, names: Tensor, species: Tensor) -> Tensor:
    """Supervised contrastive loss of unit rows: (B, H), (B,), (B,) -> (); a row alone of its name has none.

    The mean over a row's positives is weighted, TWIN_WEIGHT for one of its species and 1 for one of another:
    what is learned from twins, which any vectors hold together, does not carry over to new species. A row
    that has twins alone counts TWIN_WEIGHT itself.
    """
    same_name = (names[:, None] == names[None, :]).fill_diagonal_(False)
    twins = species[:, None] == species[None, :]
    weights = same_name * (1 - (1 - TWIN_WEIGHT) * twins.to(vectors.dtype))
    logits = (vectors @ vectors.T / TEMPERATURE).fill_diagonal_(float("-inf"))
    logs = logits.log_softmax(1).masked_fill(~same_name, 0)
    shares = (weights * logs).sum(1) / weights.sum(1).clamp(min=LEAST_WEIGHT)
    of_row = weights.amax(1)  # 0 of a row alone, TWIN_WEIGHT of one with twins alone, else 1
    return -(of_row * shares).sum() / of_row.sum().clamp(min=LEAST_WEIGHT)


def _right_when_choosing(module: nn.Module, data: TrainingData) -> float:
    train, queries = data.rows(0), data.rows(1)
    queries = queries[np.isin(data.names[queries], data.names[train])]
    if not len(queries):
        return 0.0
    return float(nearest_has_name(pooled(module, data.chunks), data.names, train, queries).mean())


def nearest_has_name(vectors: Floats, names: Rows, references: Rows, queries: Rows) -> npt.NDArray[np.bool_]:
    """Whether the nearest reference of each query has its name: (Q,); both are rows of `vectors`."""
    nearest = nearest_reference(vectors, references, queries, IndexSpec.dim, IndexSpec.whitening)
    return np.asarray(names[nearest] == names[queries])


def pooled(module: nn.Module | None, chunks: ChunkRows) -> Floats:
    """Genome vectors, pooled by a module, or by the weighted mean where it is None: (N, H)."""
    from genome_index.encoders.language_model import COLUMNS
    from genome_index.encoders.learned_pooling import pool_all
    from genome_index.encoders.pooling import weighted_chunks

    if module is not None:
        return pool_all(module, chunks, COLUMNS)
    return np.stack([weighted_chunks(rows[:, COLUMNS:], rows[:, 0].astype(np.int64)) for rows in chunks])
