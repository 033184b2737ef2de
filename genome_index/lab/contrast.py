"""Training by pairs: what a fragment was cut from shall be nearer to it than any other genome of the batch.

`train_pairs` trains any module that maps a batch of inputs to vectors of length 1; `train_profile` is that
for the profile network. It starts from what needs no labels: principal components of whole genomes, half
whitened, without the directions in which profiles move only because a fragment is short.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from genome_index.encoders.profile import ProfileConfig
from genome_index.encoders.profilenet import ProfileNetwork, save_profile
from genome_index.errors import UsageError
from genome_index.lab.losses import TEMPERATURE, asked_and_answered
from genome_index.lab.runs import Card, Schedule, train
from genome_index.lab.shards import Shards
from genome_index.lab.views import Contigs, Floats, Pair, Pairs, ViewPlan, fragment, word_profiles
from genome_index.progress import Progress, quiet
from genome_index.projection import fit_projection

LENGTHS_BP = (500, 1000, 2000, 4000, 8000)  # whose mean profiles span what length alone changes

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
        f"{data_digest(pairs.shards)} {pairs.plan} {batch} {temperature}",
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
    """Components to start from: (V, at most `dim`)."""
    numbers = pairs.numbers[np.unique(np.linspace(0, len(pairs.numbers) - 1, genomes).astype(int))]
    draws = np.random.default_rng([pairs.seed, 2**32])
    whole = word_profiles([pairs.shards.contigs(number) for number in numbers.tolist()])
    means = [whole.mean(axis=0)]
    for length in LENGTHS_BP:
        some = draws.permutation(numbers)[:512].tolist()
        cut = [[fragment(pairs.shards.contigs(number), length, draws)] for number in some]
        means.append(word_profiles(cut).mean(axis=0))
    matrix = without(fit_projection(whole, dim, 0.5).matrix, np.stack(means))
    return np.asarray(matrix / np.linalg.norm(matrix, axis=0).mean(), np.float32)


def without(matrix: Floats, directions: Floats) -> Floats:
    """A map that no longer sees some directions: (V, D), (K, V) -> (V, D)."""
    basis, _ = np.linalg.qr(directions.T.astype(np.float64))
    return np.asarray(matrix - basis @ (basis.T @ matrix), np.float32)


def akin(drawn: Sequence[Pair]) -> Tensor:
    """True where another pair's answer is no wrong one, being of the question's genus: (B, B)."""
    genera = [one.genus or f"\0{at}" for at, one in enumerate(drawn)]
    codes = torch.from_numpy(np.unique(genera, return_inverse=True)[1])
    same = codes[:, None] == codes[None]
    return same & ~torch.eye(len(drawn), dtype=torch.bool)


def data_digest(shards: Shards) -> str:
    """Twelve hex digits of what a corpus holds and how it is split."""
    return str(shards.manifest["files"]["split.tsv"]["sha256"])[:12]


def _profiles(views: Sequence[Contigs]) -> Tensor:
    return torch.from_numpy(word_profiles(views))
