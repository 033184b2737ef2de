"""Training by pairs: what a fragment was cut from shall be nearer to it than any other genome of the batch.

`train_pairs` trains any module that maps a batch of inputs to vectors of length 1; `train_profile` is that
for the profile network. It starts from what discriminant.py fits in closed form.
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
from genome_index.lab.pairs.profile_pairs import Contigs, Floats, Pair, Pairs, ViewPlan, word_profiles
from genome_index.lab.training.fit_profile import FitPlan, fitted
from genome_index.lab.training.losses import TEMPERATURE, asked_and_answered
from genome_index.lab.training.runs import Card, Schedule, train
from genome_index.records import Progress, quiet

Inputs = Callable[[Sequence[Contigs]], Tensor]  # (B,) views -> a batch of inputs


@dataclass(frozen=True)
class Size:
    """What one word of the dial sets."""

    steps: int
    batch: int  # pairs
    genomes: int  # that the start is fitted on
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
    """Train on pairs of questions and answers; goes on where the folder's checkpoint was written."""

    def loss_at(step: int) -> Tensor:
        drawn = pairs.batch(step, batch)
        views: list[Contigs] = [[one.question] for one in drawn]
        views += [pairs.shards.contigs(one.answer) for one in drawn]
        vectors = model(inputs(views))
        asked, answers = vectors.chunk(2)
        return asked_and_answered(asked, answers, akin(drawn), temperature)

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
    """Train a profile network on a corpus; `out` then is a model folder, with the run beside.

    Raises
    ------
    UsageError, InputError
    """
    if size not in SIZES:
        raise UsageError(f"--size {size}: choose {', '.join(SIZES)}")
    dial, shards = SIZES[size], Shards.open(corpus)
    pairs = Pairs(shards, "train", ViewPlan(), seed)
    torch.manual_seed(seed)
    network = ProfileNetwork(ProfileConfig(hidden=hidden, dim=dial.dim))
    network.start_from(torch.from_numpy(start(pairs, dial.genomes, hidden or dial.dim)))
    card = train_pairs(
        out, network, _profiles, pairs, Schedule(dial.steps, rate, seed=seed), dial.batch, progress=progress
    )
    save_profile(network, out)
    return card


def start(pairs: Pairs, genomes: int, dim: int) -> Floats:
    """The weights to start from, (V, at most `dim`): what is fitted in closed form on an even sample."""
    numbers = pairs.numbers[np.unique(np.linspace(0, len(pairs.numbers) - 1, genomes).astype(int))]
    matrix = fitted(pairs.shards, numbers, FitPlan(dim, max(dim, FitPlan.components), seed=pairs.seed))
    return np.asarray(matrix / np.linalg.norm(matrix, axis=0).mean(), np.float32)


def akin(drawn: Sequence[Pair]) -> Tensor:
    """True where another pair's answer is no wrong one, being of the question's genus: (B, B)."""
    genera = [one.genus or f"\0{at}" for at, one in enumerate(drawn)]
    codes = torch.from_numpy(np.unique(genera, return_inverse=True)[1])
    same = codes[:, None] == codes[None]
    return same & ~torch.eye(len(drawn), dtype=torch.bool)


def _profiles(views: Sequence[Contigs]) -> Tensor:
    return torch.from_numpy(word_profiles(views))
