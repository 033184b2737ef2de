"""Training of the projection of text and genomes: InfoNCE between the two, both encoders frozen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from genome_index.encoders.profile import Floats
from genome_index.lab.describe.projection import GENOME, TEXT, Projection, ProjectionConfig, recall_at
from genome_index.lab.training.losses import contrast

CHECKED_EVERY = 100  # steps between two looks at the validation part


@dataclass(frozen=True)
class ProjectionTraining:
    """Settings of a training; usual values, not tuned (tests/bench/RESULTS.md, words find genomes)."""

    dim: int = 256  # D
    steps: int = 2_000
    batch: int = 512  # pairs, each other's negatives
    rate: float = 1e-3  # of AdamW
    decay: float = 1e-2
    temperature: float = 0.05
    seed: int = 0


@dataclass(frozen=True)
class PairVectors:
    """Vectors of N pairs."""

    texts: Sequence[Floats]  # ways of saying the same, (N, T) each; one of them is drawn for each step
    genomes: Floats  # (N, G)


def train_projection(
    train: PairVectors, validation: PairVectors | None, text_encoder: str, profile: str,
    plan: ProjectionTraining | None = None, step: Callable[[int, int], None] = lambda done, of: None,
) -> Projection:  # fmt: skip
    """Train on pairs; with validation pairs, the best state by recall@10 in both directions is taken."""
    plan = plan or ProjectionTraining()
    torch.manual_seed(plan.seed)
    text, genome = (nn.Linear(rows.shape[1], plan.dim) for rows in (train.texts[0], train.genomes))
    heads = nn.ModuleList([text, genome])
    optimizer = torch.optim.AdamW(heads.parameters(), lr=plan.rate, weight_decay=plan.decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, plan.steps)
    config = ProjectionConfig(
        train.texts[0].shape[1], train.genomes.shape[1], plan.dim, text_encoder, profile
    )
    draws = np.random.default_rng(plan.seed)
    best, best_recall = _projection(config, text, genome), -1.0
    for number in range(1, plan.steps + 1):
        left, right = _batch(train, plan.batch, draws)
        loss = contrast(normalize(text(left)), normalize(genome(right)), plan.temperature)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        if number % CHECKED_EVERY == 0 or number == plan.steps:
            step(number, plan.steps)
            present = _projection(config, text, genome)
            recall = _recall(present, validation) if validation is not None else float(number)
            if recall > best_recall:
                best, best_recall = present, recall
    return best


def _batch(pairs: PairVectors, size: int, draws: np.random.Generator) -> tuple[Tensor, Tensor]:
    rows = draws.choice(len(pairs.genomes), min(size, len(pairs.genomes)), replace=False)
    ways = draws.integers(len(pairs.texts), size=len(rows))
    texts = np.stack([pairs.texts[way][row] for way, row in zip(ways, rows, strict=True)])
    return torch.from_numpy(texts), torch.from_numpy(pairs.genomes[rows])


def _projection(config: ProjectionConfig, text: nn.Linear, genome: nn.Linear) -> Projection:
    names = (*TEXT, *GENOME)
    values = (text.weight, text.bias, genome.weight, genome.bias)
    return Projection(
        config, {name: one.detach().numpy().copy() for name, one in zip(names, values, strict=True)}
    )


def _recall(projection: Projection, pairs: PairVectors) -> float:
    """Recall@10 of the genome by its text and of the text by its genome, for every way of saying it."""
    genomes = projection.genomes(pairs.genomes)
    scores = [projection.texts(rows) @ genomes.T for rows in pairs.texts]
    own = [{at} for at in range(len(genomes))]
    return float(np.mean([recall_at(way, own, 10) for one in scores for way in (one, one.T)]))
