"""Clouds of a study: natural windows, those of Markov models and of its networks, and their distances."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from genome_index.lab.corpus.shards import Shards
from genome_index.lab.corpus.split import Part
from genome_index.lab.figures.cloud_distance import CloudDistance, distance_between
from genome_index.lab.figures.convergence import parameters
from genome_index.lab.figures.lineages import LONGEST_BP, require_eukaryotes
from genome_index.lab.figures.networks import network_next, network_of_run, plan_of, require_trained_on
from genome_index.lab.figures.windows import Cloud, Counts, generated_counts, markov_next, natural_counts
from genome_index.lab.markdown import markdown_table
from genome_index.lab.study.report import Cell, better_head
from genome_index.lab.study.run import batches_of, new_head
from genome_index.lab.training.held_out import training_counts
from genome_index.records import Progress, quiet

ORDERS = (0, 3, 6, 12)
NATURAL, OTHER_NATURAL, TRAINING = "natural, test", "natural, other of test", "natural, training"
HEADS = {"bits": "own", "head_bits": "new"}


@dataclass(frozen=True)
class Comparison:
    """Natural windows, the clouds that are compared with them, and what lies between."""

    length: int  # bp of a window
    natural: Cloud
    clouds: tuple[Cloud, ...]
    heads: tuple[str, ...]  # of each cloud, "" if it is of no network
    distances: tuple[CloudDistance, ...]
    masked: tuple[str, ...]  # cells that cannot be sampled

    def table(self) -> str:
        """A row for each cloud, those of one kind by their MMD."""
        head = ["windows", "head", "MMD^2, x 1,000", "p", "Fréchet, %", "classifier right, %", "95 %"]
        return markdown_table(head, map(self._row, range(len(self.clouds))))

    def _row(self, at: int) -> list[str]:
        each = self.distances[at]
        low, high = each.interval
        return [
            self.clouds[at].name, self.heads[at] or "-", f"{1_000 * each.mmd_squared:.2f}", f"{each.p:.3f}",
            f"{each.frechet:.2f}", f"{100 * each.accuracy:.0f}", f"{100 * low:.0f} to {100 * high:.0f}",
        ]  # fmt: skip


def compare_windows(
    cells: Sequence[Cell], folder: Path, shards: Shards, name_of: Callable[[Cell], str], windows: int,
    seed: int = 0, device: str = "cpu", progress: Progress = quiet,
) -> Comparison:  # fmt: skip
    """Sample windows of each cell, as many from each seed's network, and compare them with natural ones.

    Raises
    ------
    UsageError
        A genome of the corpus is not known as one of a eukaryote, or a run was trained on another corpus.
    """
    require_eukaryotes(shards)
    require_trained_on(shards, [row for cell in cells for row in cell.rows])
    causal = [cell for cell in cells if cell.rows[0]["direction"] == "causal"]
    causal.sort(key=lambda cell: (parameters(cell), name_of(cell)))
    length = min([LONGEST_BP, *(row["length"] for cell in cells for row in cell.rows)])
    natural, *others = _natural(shards, length, windows, seed, cells[0].name.temperature)
    clouds = [*others, *_markov(shards, length, windows, seed, progress)]
    heads = [""] * len(clouds)
    for number, cell in enumerate(causal, start=1):
        clouds.append(
            Cloud(name_of(cell), "network", _network_counts(cell, folder, shards, length, windows, device))
        )
        heads.append(HEADS[better_head(cell)])
        progress.stage("windows of networks", number, len(causal))
    distances = [distance_between(natural, cloud, seed) for cloud in clouds]
    masked = tuple(name_of(cell) for cell in cells if cell not in causal)
    return Comparison(length, natural, tuple(clouds), tuple(heads), tuple(distances), masked)


def _natural(shards: Shards, length: int, windows: int, seed: int, temperature: float) -> list[Cloud]:
    """Windows of test genomes, as many others of these, and of training genomes; species as in training."""
    drawn: tuple[tuple[str, Part, int], ...] = (
        (NATURAL, "test", 2 * seed), (OTHER_NATURAL, "test", 2 * seed + 1), (TRAINING, "train", 2 * seed)
    )  # fmt: skip
    return [
        Cloud(name, "natural", natural_counts(shards, part, length, windows, draw, temperature))
        for name, part, draw in drawn
    ]


def _markov(shards: Shards, length: int, windows: int, seed: int, progress: Progress) -> list[Cloud]:
    """Windows of Markov models of both strands of the training genomes."""
    counts = training_counts(shards, max(ORDERS), progress)
    return [
        Cloud(
            f"Markov, order {order}",
            "Markov",
            generated_counts(markov_next(counts, order), windows, length, seed),
        )
        for order in ORDERS
    ]


def _network_counts(
    cell: Cell, folder: Path, shards: Shards, length: int, windows: int, device: str
) -> Counts:
    """Windows of the networks of all seeds of a cell, by the head with fewer bits of validation fragments."""
    shares = np.diff(np.linspace(0, windows, len(cell.rows) + 1).round().astype(int)).tolist()
    counts = []
    for row, share in zip(cell.rows, shares, strict=True):
        network = network_of_run(row, folder, device)
        head = (
            new_head(network, batches_of(plan_of(row), shards, folder)["train"])
            if better_head(cell) == "head_bits"
            else None
        )
        seed = int(row["fingerprint"], 16)
        counts.append(generated_counts(network_next(network, head), share, length, seed))
    return np.concatenate(counts)
