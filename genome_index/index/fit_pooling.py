"""Learning to pool: attention, or a GRU, over a genome's chunks, taken only where it beats the mean.

Species are split in three. On the first part the pools are trained (supervised contrast: genomes of one genus
near, others far; Khosla et al. 2020, arXiv 2004.11362); on the second the better pool and when to stop are
chosen; on the third, which had no part in either, it is held against what the index has now: the mean, or a
pool that won before. It wins if the lower end of a paired 95 % bootstrap interval over species lies above
zero.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from genome_index.encoders import encoder_of
from genome_index.encoders.chunk_grid import evenly
from genome_index.errors import UsageError, need_installed
from genome_index.index.changes import fit_again
from genome_index.index.commit import ChangeSettings, ChangeSummary
from genome_index.index.index import Index, writing
from genome_index.index.vectors.projection import nearest_reference
from genome_index.records import RANKS, counted
from genome_index.spec import IndexSpec
from genome_index.taxonomy.levels import UNKNOWN, Level, levels_of

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
ChunkRows = Sequence[npt.NDArray[Any]]

SHARES = (0.6, 0.8)  # of the species: up to here for training, up to here for choosing, the rest to test
MOST_GENOMES = 4_000  # trained and tested on, evenly taken
NAMES, EACH = 32, 4  # of a batch: names, and genomes of each
STEPS, ROUNDS, PATIENCE = 25, 40, 8  # batches a round; rounds at most, and without getting better
LEARNING_RATE, TEMPERATURE = 1e-3, 0.1
RESAMPLES = 2_000
LEAST_TESTED = 20  # genomes with a fellow among the references, and ...
LEAST_SPECIES = 10  # ... species that they are of; fewer cannot tell
MOST_BYTES = 2_000_000_000  # of their chunks, which are all in memory
SEED = 0


@dataclass(frozen=True)
class PoolReport:
    """What came of it; shares right of the tested genomes, nearest vector, their species unknown."""

    rank: str
    kind: str  # the better of the two
    rounds: int  # of training, of 25 batches each
    tested: int  # genomes
    species: int  # that they belong to
    now_right: float
    pool_right: float
    gain_low: float  # 95 % interval of pool_right - now_right, paired, over species
    gain_high: float
    now: str = "the mean"  # how the index pools

    @property
    def wins(self) -> bool:
        return self.gain_low > 0

    def lines(self) -> list[str]:
        """For a reader."""
        rounds = counted(self.rounds, "round")
        trained = f"after {rounds}" if self.rounds else "which training did not improve"
        return [
            f"{self.kind}, {trained}: of {counted(self.tested)} of {self.species:,} species "
            f"{self.pool_right:.1%} find their {self.rank}; by {self.now} {self.now_right:.1%}",
            f"gain {100 * (self.pool_right - self.now_right):+.1f} points, 95 % interval "
            f"{100 * self.gain_low:+.1f} to {100 * self.gain_high:+.1f}, on species that had no part in "
            "training or choosing: " + ("it wins" if self.wins else f"it does not win, and {self.now} stays"),
        ]


def fit_pool(path: Path, rank: str, settings: ChangeSettings) -> tuple[PoolReport, ChangeSummary | None]:
    """Train pools on an index's own chunks and labels; commit the better one if it wins, else change nothing.

    Raises
    ------
    UsageError
        The index has no chunks, or too few genomes with a name at this rank.
    """
    need_installed("gindex fit-pool", "torch", extra="neural")
    with writing(path, settings.wait_s):
        index = Index.open(path)
        if index.spec.reading is None:
            raise UsageError(
                f"{path}: its encoder is {index.spec.encoder}, which has no chunks to pool; "
                "build an index with a language model (`gindex build --encoder MODEL`)"
            )
        material = _material(index, rank)
        now = encoder_of(index.spec, str(path)).features(material.chunks)
        report, module = _train_and_test(material, rank, settings, now, _name_of(index.spec.reading.chunks))
        if not report.wins:
            return report, None
        from genome_index.encoders.learned_pooling import save_pool

        name = save_pool(module, report.kind, path)
        spec = replace(index.spec, reading=replace(index.spec.reading, chunks=name))
        return report, fit_again(index, spec, settings, f"fit-pool {name}")


def _name_of(chunks: str) -> str:
    fitted = f"the {chunks.partition(':')[0]} that was fitted before"
    return {"weighted": "the mean", "mean": "the plain mean"}.get(chunks, fitted)


@dataclass(frozen=True)
class _Material:
    chunks: ChunkRows  # of each genome
    names: Rows  # (N,) code of the rank
    species: Rows  # (N,) a number a species; genomes without one have their own
    part: Rows  # (N,) 0 to train on, 1 to choose by, 2 to test


def _material(index: Index, rank: str) -> _Material:
    entries = index.catalog.entries()
    levels = levels_of([entry.taxon for entry in entries])
    if rank not in levels:
        raise UsageError(
            f"{index.path}: no genome has a name at rank {rank!r}; there are: {', '.join(levels)}"
        )
    if rank in RANKS[RANKS.index("species") :]:
        raise UsageError(
            f"--rank {rank}: whole species are kept apart for the test, so none of them could find its own "
            "name; choose a rank above species"
        )
    named = np.flatnonzero(levels[rank].codes != UNKNOWN)
    rows = named[np.array(evenly(len(named), min(MOST_GENOMES, _affordable(index, named))))]
    chunks = index.references.raw([entries[row].row for row in rows.tolist()])
    kept = np.array([len(one) > 0 for one in chunks])
    rows, chunks = rows[kept], [one for one in chunks if len(one)]
    species = _species_of(levels.get("species"), rows)
    generator = np.random.default_rng(SEED)
    drawn = generator.random(int(species.max(initial=0)) + 1)[species]
    return _Material(chunks, levels[rank].codes[rows].astype(np.int64), species, np.digitize(drawn, SHARES))


def _affordable(index: Index, rows: Rows) -> int:
    """How many genomes' chunks fit into MOST_BYTES, by the size of some."""
    entries = index.catalog.entries()
    some = index.references.raw([entries[rows[at]].row for at in evenly(len(rows), 32)])
    return max(1, int(MOST_BYTES / max(1.0, float(np.mean([one.nbytes for one in some])))))


def _species_of(level: Level | None, rows: Rows) -> Rows:
    codes = level.codes[rows] if level is not None else np.full(len(rows), UNKNOWN)
    own = len(level.names if level is not None else ()) + np.arange(len(rows))
    return np.unique(np.where(codes == UNKNOWN, own, codes), return_inverse=True)[1].astype(np.int64)


def _train_and_test(
    material: _Material, rank: str, settings: ChangeSettings, now: Floats, name: str = "the mean"
) -> tuple[PoolReport, nn.Module]:
    from genome_index.encoders.learned_pooling import KINDS

    train, choose, test = (np.flatnonzero(material.part == part) for part in range(3))
    asked = test[np.isin(material.names[test], material.names[material.part < 2])]
    species = len(np.unique(material.species[asked]))
    if len(asked) < LEAST_TESTED or species < LEAST_SPECIES:
        raise UsageError(
            f"of the test part, {counted(len(asked))} of {species:,} species have a fellow of their {rank} "
            f"elsewhere; {LEAST_TESTED} of {LEAST_SPECIES} are needed to say whether a fitted pool is better "
            f"than {name}"
        )
    tried = [_trained(kind, material, train, choose, settings) for kind in KINDS]
    module, kind, rounds, _ = max(tried, key=lambda one: one[3])
    references = np.flatnonzero(material.part < 2)
    ours = _right(_vectors(module, material.chunks), material, references, asked)
    theirs = _right(now, material, references, asked)
    low, high = paired_interval(ours.astype(float) - theirs, material.species[asked])
    return PoolReport(
        rank, kind, rounds, len(asked), species,
        float(theirs.mean()), float(ours.mean()), low, high, name,
    ), module  # fmt: skip


def paired_interval(difference: npt.NDArray[np.float64], cluster: Rows) -> tuple[float, float]:
    """95 % interval of a mean difference, clusters drawn with replacement: (N,), (N,) -> low, high."""
    codes = np.unique(cluster, return_inverse=True)[1]
    total, count = np.bincount(codes, difference), np.bincount(codes)
    drawn = np.random.default_rng(SEED).integers(0, len(count), (RESAMPLES, len(count)))
    means = total[drawn].sum(axis=1) / count[drawn].sum(axis=1)
    return float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))


def _trained(
    kind: str, material: _Material, train: Rows, choose: Rows, settings: ChangeSettings
) -> tuple[nn.Module, str, int, float]:
    """A pool of one kind as it was after its best round: module, kind, round, share right when choosing."""
    import copy

    import torch

    from genome_index.encoders.language_model import COLUMNS
    from genome_index.encoders.learned_pooling import new_pool

    torch.manual_seed(SEED)
    module = new_pool(kind, material.chunks[0].shape[1] - COLUMNS)
    centre = torch.from_numpy(_vectors(None, [material.chunks[at] for at in train]).mean(axis=0))
    optimiser = torch.optim.AdamW(module.parameters(), LEARNING_RATE)
    best, best_round, best_right = copy.deepcopy(module), 0, _chosen(module, material, train, choose)
    for number in range(1, ROUNDS + 1):
        settings.progress.stage(f"training {kind}", number - 1, ROUNDS)
        _one_round(module, optimiser, material, train, centre, number)
        right = _chosen(module, material, train, choose)
        if right > best_right:
            best, best_round, best_right = copy.deepcopy(module), number, right
        if number - best_round >= PATIENCE:
            break
    return best.eval(), kind, best_round, best_right


def _one_round(
    module: nn.Module, optimiser: torch.optim.Optimizer, material: _Material, train: Rows, centre: Tensor,
    number: int,
) -> None:  # fmt: skip
    import torch

    from genome_index.encoders.language_model import COLUMNS
    from genome_index.encoders.learned_pooling import Chunks

    module.train()
    for some in batches_of_names(material.names, train, number):
        vectors = module(Chunks([material.chunks[at] for at in some], COLUMNS)) - centre
        loss = contrast(torch.nn.functional.normalize(vectors, dim=1), torch.from_numpy(material.names[some]))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch has none here
        optimiser.step()
    module.eval()


def batches_of_names(names: Rows, train: Rows, number: int) -> Iterator[Rows]:
    """STEPS batches of up to NAMES names with up to EACH genomes, so that every genome has a fellow."""
    generator = np.random.default_rng((SEED, number))
    order = generator.permutation(train)
    members: dict[int, list[int]] = {}
    for at in order.tolist():
        members.setdefault(int(names[at]), []).append(at)
    several = [some for some in members.values() if len(some) > 1]
    for _ in range(STEPS if several else 0):
        chosen = generator.permutation(len(several))[:NAMES]
        yield np.concatenate([generator.permutation(several[one])[:EACH] for one in chosen])


def contrast(vectors: Tensor, names: Tensor) -> Tensor:
    """Supervised contrastive loss of unit rows: (B, H), (B,) -> (); rows without a fellow say nothing."""
    alone = ~(one := (names[:, None] == names[None, :]).fill_diagonal_(False)).any(1)
    logits = (vectors @ vectors.T / TEMPERATURE).fill_diagonal_(float("-inf"))
    share = logits.log_softmax(1).masked_fill(~one, 0).sum(1) / one.sum(1).clamp(min=1)
    return -share[~alone].sum() / max(1, int((~alone).sum()))


def _chosen(module: nn.Module, material: _Material, train: Rows, choose: Rows) -> float:
    """Share right of the genomes to choose by, among those trained on."""
    asked = choose[np.isin(material.names[choose], material.names[train])]
    if not len(asked):
        return 0.0
    return float(_right(_vectors(module, material.chunks), material, train, asked).mean())


def _right(vectors: Floats, material: _Material, references: Rows, asked: Rows) -> npt.NDArray[np.bool_]:
    """Whether each asked genome's nearest reference bears its name."""
    nearest = nearest_reference(vectors, references, asked, IndexSpec.dim, IndexSpec.whitening)
    return np.asarray(material.names[nearest] == material.names[asked])


def _vectors(module: nn.Module | None, chunks: ChunkRows) -> Floats:
    """Pooled by a module, or by the weighted mean."""
    from genome_index.encoders.language_model import COLUMNS
    from genome_index.encoders.learned_pooling import pool_all
    from genome_index.encoders.pooling import weighted_chunks

    if module is not None:
        return pool_all(module, chunks, COLUMNS)
    return np.stack([weighted_chunks(one[:, COLUMNS:], one[:, 0].astype(np.int64)) for one in chunks])
