"""Closed-form fit of a profile projection: linear discriminant analysis of k-mer profiles.

    principal components of whole genomes    after removing the effect of a fragment's length
    scatter within                           of species within genera, and of fragments around their genome
    discriminant                             directions of most variance relative to the scatter within

Linear discriminant analysis (Fisher 1936; Rao 1948) with the sampling noise of fragments as part of the
scatter within. The advantage over the same number of principal components is largest for short fragments; the
figures, and the effect of gradient descent afterwards (none), are in LOG.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genome_index.encoders.profile import ProfileConfig, write_profile
from genome_index.errors import UsageError
from genome_index.lab.corpus.shards import Shards
from genome_index.lab.corpus.split import require_collections
from genome_index.lab.pairs.profile_pairs import Contigs, Floats, fragment, kmer_profiles
from genome_index.records import Progress, quiet

BATCH_GENOMES = 512  # genomes whose profiles are in memory together

Doubles = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
Names = npt.NDArray[np.str_]


@dataclass(frozen=True)
class FitPlan:
    """The settings of a fit."""

    dim: int = 1024  # D
    components: int = 2048  # principal components of whole genomes
    lengths_bp: tuple[int, ...] = (500, 1000, 2000, 4000, 8000)  # of fragments
    noise: float = 1.0  # weight of the fragments' noise in the scatter within
    ridge: float = 0.1  # added to the scatter within, as a share of its mean variance
    whitening: float = 0.5  # as in an index's projection
    bits: int = 4  # of a weight in the file; 0: float32
    seed: int = 0  # of the fragments
    leave_out: tuple[str, ...] = ()  # collections of the corpus that are not used

    def __post_init__(self) -> None:
        if not 1 <= self.dim <= self.components:
            raise UsageError(f"--dim {self.dim}: choose 1 to {self.components:,}")


@dataclass(frozen=True)
class Fitted:
    """The size of a fit, for the user."""

    genomes: int
    genera: int  # with two species or more
    dim: int
    bytes: int


def fit_profile(corpus: Path, out: Path, plan: FitPlan | None = None, progress: Progress = quiet) -> Fitted:
    """Fit a profile projection on the training part of a corpus; `out` becomes a model folder.

    Raises
    ------
    UsageError, InputError
        There is no corpus, or it has fewer than three genomes to train on.
    """
    plan, shards = plan or FitPlan(), Shards.open(corpus)
    numbers = _training_numbers(shards, plan.leave_out)
    if len(numbers) < 3:
        raise UsageError(f"{corpus}: {len(numbers)} genomes for train; at least three are required")
    matrix = fitted(shards, numbers, plan, progress)
    config = ProfileConfig(kmers=len(matrix), dim=matrix.shape[1], bits=plan.bits)
    weights = {"last.weight": matrix.T, "last.bias": np.zeros(config.dim, np.float32)}
    write_profile(config, weights, out, json.dumps({"data": shards.digest, **asdict(plan)}))
    genera = _several(_genera(shards, numbers), shards.species[numbers])
    size = sum(path.stat().st_size for path in out.iterdir())
    return Fitted(len(numbers), len(genera), matrix.shape[1], size)


def fitted(shards: Shards, numbers: Rows, plan: FitPlan, progress: Progress = quiet) -> Floats:
    """The projection from profiles to vectors, fitted on some genomes of a corpus: (V, D)."""
    whole = np.concatenate(list(_profiles(progress, "genomes", numbers, _whole(shards, numbers))))
    means = [whole.mean(axis=0)]
    for length in plan.lengths_bp:
        views = _fragments(shards, numbers, length, plan.seed)
        blocks = _profiles(progress, f"fragments of {length:,} bp", numbers, views)
        means.append(_mean(blocks, len(numbers)))
    basis, variances = principal(without(whole, np.stack(means)), plan.components)
    rows = whole @ basis
    genera, species = _genera(shards, numbers), shards.species[numbers]
    within = scatter_within(rows, genera, species)
    for length in plan.lengths_bp:
        views = _fragments(shards, numbers, length, plan.seed)
        blocks = _profiles(progress, f"noise of {length:,} bp", numbers, views)
        within += plan.noise / len(plan.lengths_bp) * noise(rows, (block @ basis for block in blocks))
    return basis @ discriminant(within, variances, plan).astype(np.float32)


def without(rows: Floats, directions: Floats) -> Floats:
    """Rows without their components along some directions, in place: (N, V), (K, V) -> (N, V)."""
    orthogonal, _ = np.linalg.qr(directions.T.astype(np.float64))
    basis = orthogonal.astype(np.float32)
    rows -= (rows @ basis) @ basis.T
    return rows


def principal(rows: Floats, most: int) -> tuple[Floats, Doubles]:
    """Principal components about 0, not about the mean: (N, V) -> (V, K) of length 1, variances (K,)."""
    squares, directions = np.linalg.eigh((rows @ rows.T).astype(np.float64))
    positive = np.flatnonzero(squares[::-1] > 1e-7 * squares[-1])[:most]
    squares, directions = squares[::-1][positive], directions[:, ::-1][:, positive]
    return rows.T @ (directions / np.sqrt(squares)).astype(np.float32), squares / len(rows)


def scatter_within(rows: Floats, genera: Names, species: Rows) -> Doubles:
    """Scatter of the species of a genus around its mean: (N, K) -> (K, K).

    Each species enters by its mean. A genus of n species has the weight sqrt(n), so that large ones do not
    dominate.
    """
    total, weight = np.zeros((rows.shape[1], rows.shape[1])), 0.0
    for name in _several(genera, species):
        own = np.flatnonzero(genera == name)
        kinds, codes = np.unique(species[own], return_inverse=True)
        means = np.stack([rows[own[codes == code]].mean(axis=0) for code in range(len(kinds))])
        deviation = (means - means.mean(axis=0)).astype(np.float64) / len(kinds) ** 0.25
        total += deviation.T @ deviation
        weight += (len(kinds) - 1) / len(kinds) ** 0.5
    return total / max(weight, 1.0)


def noise(rows: Floats, fragments: Iterator[Floats]) -> Doubles:
    """Scatter of fragments around their genomes: (N, K), blocks of (N, K) in order -> (K, K)."""
    total, at = np.zeros((rows.shape[1], rows.shape[1])), 0
    for block in fragments:
        deviation = block - rows[at : at + len(block)]
        total += (deviation.T @ deviation).astype(np.float64)
        at += len(block)
    return total / len(rows)


def discriminant(within: Doubles, variances: Doubles, plan: FitPlan) -> Doubles:
    """The map that whitens `within`, then keeps the directions of most variance, half whitened: -> (K, D)."""
    size = len(variances)
    spread, axes = np.linalg.eigh(within + plan.ridge * np.trace(within) / size * np.eye(size))
    sphere = axes / np.sqrt(spread)
    values, directions = np.linalg.eigh(sphere.T @ (variances[:, None] * sphere))
    values, directions = values[::-1][: plan.dim], directions[:, ::-1][:, : plan.dim]
    return np.asarray(sphere @ directions * values ** (-plan.whitening / 2))


# -- inputs -------------------------------------------------------------------------------------------------


def _training_numbers(shards: Shards, leave_out: Sequence[str]) -> Rows:
    """Numbers of the training part without some collections."""
    numbers = shards.numbers("train")
    collections = [shards.genome(number).collection for number in range(len(shards))]
    require_collections(leave_out, set(collections), "--leave-out")
    return numbers[~np.isin(np.array(collections)[numbers], leave_out)]


def _whole(shards: Shards, numbers: Rows) -> Iterator[Contigs]:
    return (shards.contigs(number) for number in numbers.tolist())


def _fragments(shards: Shards, numbers: Rows, length_bp: int, seed: int) -> Iterator[Contigs]:
    """One fragment of each genome, the same in every call."""
    for number in numbers.tolist():
        draws = np.random.default_rng([seed, length_bp, number])
        yield [fragment(shards.contigs(number), length_bp, draws)]


def _profiles(progress: Progress, stage: str, numbers: Rows, views: Iterator[Contigs]) -> Iterator[Floats]:
    """Profiles of one view per genome: (N,) -> blocks of (BATCH_GENOMES, V)."""
    for start in range(0, len(numbers), BATCH_GENOMES):
        progress.stage(stage, start, len(numbers))
        yield kmer_profiles(list(islice(views, BATCH_GENOMES)))


def _mean(blocks: Iterator[Floats], count: int) -> Floats:
    return np.asarray(sum(block.sum(axis=0) for block in blocks) / count, np.float32)


def _genera(shards: Shards, numbers: Rows) -> Names:
    return np.array([shards.genome(number).genus or "" for number in numbers.tolist()], np.str_)


def _several(genera: Names, species: Rows) -> Sequence[str]:
    """The genera with two species or more."""
    names, codes = np.unique(genera, return_inverse=True)
    kinds = np.bincount(np.unique(np.stack([codes, species]), axis=1)[0], minlength=len(names))
    return [str(name) for name, count in zip(names, kinds, strict=True) if name and count > 1]
