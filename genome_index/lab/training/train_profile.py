"""Training of profile networks on pairs: a fragment must be nearer to its target than to other genomes.

`train_pairs` trains any module that maps a batch of inputs to vectors of length 1; `train_profile` does that
for the profile network, starting from the weights that fit_profile.py fits in closed form.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from genome_index.encoders.profile import ProfileConfig
from genome_index.encoders.profile_network import ProfileNetwork, save_profile
from genome_index.errors import UsageError
from genome_index.lab.corpus.shards import Shards
from genome_index.lab.pairs.profile_pairs import Contigs, Floats, Pair, Pairs, ViewPlan, kmer_profiles
from genome_index.lab.training.fit_profile import FitPlan, fitted
from genome_index.lab.training.losses import TEMPERATURE, retrieval_loss
from genome_index.lab.training.run_card import Card, Schedule
from genome_index.lab.training.runs import train
from genome_index.records import Progress, quiet

Inputs = Callable[[Sequence[Contigs]], Tensor]  # (B,) views -> a batch of inputs


@dataclass(frozen=True)
class Size:
    """The settings of one size."""

    steps: int
    batch: int  # pairs
    genomes: int  # for the fit of the initial weights
    dim: int  # D


SIZES = {
    "tiny": Size(20, 16, 64, 32),
    "small": Size(200, 128, 768, 256),
    "medium": Size(600, 256, 1536, 256),
    "large": Size(3000, 512, 3072, 512),
}


def train_pairs(
    folder: Path, model: nn.Module, inputs: Inputs, pairs: Pairs, plan: Schedule, batch: int,
    temperature: float = TEMPERATURE, progress: Progress = quiet,
) -> Card:  # fmt: skip
    """Train on pairs of queries and targets; continues from the folder's checkpoint."""

    def loss_at(step: int) -> Tensor:
        drawn = pairs.batch(step, batch)
        views: list[Contigs] = [[pair.query] for pair in drawn]
        views += [pairs.shards.contigs(pair.target) for pair in drawn]
        vectors = model(inputs(views))
        queries, targets = vectors.chunk(2)
        return retrieval_loss(queries, targets, related(drawn), temperature)

    return train(
        folder,
        model,
        loss_at,
        plan,
        f"{pairs.shards.digest} {pairs.plan} {batch} {temperature}",
        progress,
    )


def train_profile(
    corpus: Path,
    out: Path,
    size: str = "small",
    hidden: int = 0,
    seed: int = 0,
    rate: float = 5e-4,
    progress: Progress = quiet,
) -> Card:
    """Train a profile network on a corpus; `out` becomes a model folder, with the run's files.

    Raises
    ------
    UsageError, InputError
    """
    if size not in SIZES:
        raise UsageError(f"--size {size}: choose {', '.join(SIZES)}")
    settings, shards = SIZES[size], Shards.open(corpus)
    pairs = Pairs(shards, "train", ViewPlan(), seed)
    torch.manual_seed(seed)
    network = ProfileNetwork(ProfileConfig(hidden=hidden, dim=settings.dim))
    network.start_from(torch.from_numpy(initial_weights(pairs, settings.genomes, hidden or settings.dim)))
    schedule = Schedule(settings.steps, rate, seed=seed)
    card = train_pairs(out, network, _profiles, pairs, schedule, settings.batch, progress=progress)
    save_profile(network, out)
    return card


def initial_weights(pairs: Pairs, genomes: int, dim: int) -> Floats:
    """Weights fitted in closed form on an even sample of genomes: (V, at most `dim`)."""
    numbers = pairs.numbers[np.unique(np.linspace(0, len(pairs.numbers) - 1, genomes).astype(int))]
    matrix = fitted(pairs.shards, numbers, FitPlan(dim, max(dim, FitPlan.components), seed=pairs.seed))
    return np.asarray(matrix / np.linalg.norm(matrix, axis=0).mean(), np.float32)


def related(drawn: Sequence[Pair]) -> Tensor:
    """True where another pair's target is of the query's genus, and so no wrong answer: (B, B)."""
    genera = [pair.genus or f"\0{at}" for at, pair in enumerate(drawn)]
    codes = torch.from_numpy(np.unique(genera, return_inverse=True)[1])
    same = codes[:, None] == codes[None]
    return same & ~torch.eye(len(drawn), dtype=torch.bool)


def _profiles(views: Sequence[Contigs]) -> Tensor:
    return torch.from_numpy(kmer_profiles(views))
