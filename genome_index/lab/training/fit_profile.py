"""A profile projection learned in closed form: what differs within a genus, or by chance, counts for little.

    principal components of whole genomes    first without what the length of a fragment alone changes
    within                                   how species of a genus differ, and fragments from their genome
    discriminant                             the components where all differ most, against that

Linear discriminant analysis (Fisher 1936; Rao 1948) with the sampling noise of fragments as one more thing
to be ignored. Against the same number of principal components it wins most where a fragment is short; the
figures, and what steps of gradient descent added to it (nothing), are in LOG.md.
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
from genome_index.lab.pairs.profile_pairs import Contigs, Floats, fragment, word_profiles
from genome_index.records import Progress, quiet

AT_ONCE = 512  # genomes whose profiles are in memory together

Doubles = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
Names = npt.NDArray[np.str_]


@dataclass(frozen=True)
class FitPlan:
    """What is fitted, and how."""

    dim: int = 1024  # D
    components: int = 2048  # of whole genomes, that the rest is done in
    lengths_bp: tuple[int, ...] = (500, 1000, 2000, 4000, 8000)  # of fragments
    noise: float = 1.0  # weight of the fragments' noise beside what differs within genera
    ridge: float = 0.1  # added to what differs within, as a share of its mean variance
    whitening: float = 0.5  # as of an index's projection
    bits: int = 4  # of a weight in the file; 0: float32
    seed: int = 0  # of the fragments
    leave_out: tuple[str, ...] = ()  # collections of the corpus that nothing is learned from

    def __post_init__(self) -> None:
        if not 1 <= self.dim <= self.components:
            raise UsageError(f"--dim {self.dim}: choose 1 to {self.components:,}")


@dataclass(frozen=True)
class Fitted:
    """What was fitted on, for whoever reads the command's answer."""

    genomes: int
    genera: int  # with two species or more, which are what a genus is learned from
    dim: int
    bytes: int


def fit_profile(corpus: Path, out: Path, plan: FitPlan | None = None, progress: Progress = quiet) -> Fitted:
    """Fit a profile projection on a corpus's training part; `out` is then a model's folder.

    Raises
    ------
    UsageError, InputError
        There is no corpus, or it has fewer than three genomes to train on.
    """
    plan, shards = plan or FitPlan(), Shards.open(corpus)
    numbers = _learned_from(shards, plan.leave_out)
    if len(numbers) < 3:
        raise UsageError(f"{corpus}: {len(numbers)} genomes for train; three at least are needed")
    matrix = fitted(shards, numbers, plan, progress)
    config = ProfileConfig(kmers=len(matrix), dim=matrix.shape[1], bits=plan.bits)
    weights = {"last.weight": matrix.T, "last.bias": np.zeros(config.dim, np.float32)}
    write_profile(config, weights, out, json.dumps({"data": shards.digest, **asdict(plan)}))
    genera = _several(_genera(shards, numbers), shards.species[numbers])
    size = sum(path.stat().st_size for path in out.iterdir())
    return Fitted(len(numbers), len(genera), matrix.shape[1], size)


def fitted(shards: Shards, numbers: Rows, plan: FitPlan, progress: Progress = quiet) -> Floats:
    """The map from profiles to vectors, from some genomes of a corpus: (V, D)."""
    whole = np.concatenate(list(_profiles(progress, "genomes", numbers, _whole(shards, numbers))))
    means = [whole.mean(axis=0)]
    for length in plan.lengths_bp:
        told = f"fragments of {length:,} bp"
        blocks = _profiles(progress, told, numbers, _cut(shards, numbers, length, plan.seed))
        means.append(_mean(blocks, len(numbers)))
    basis, variances = principal(without(whole, np.stack(means)), plan.components)
    rows = whole @ basis
    genera, species = _genera(shards, numbers), shards.species[numbers]
    within = scatter_within(rows, genera, species)
    for length in plan.lengths_bp:
        told = f"noise of {length:,} bp"
        blocks = _profiles(progress, told, numbers, _cut(shards, numbers, length, plan.seed))
        within += plan.noise / len(plan.lengths_bp) * noise(rows, (block @ basis for block in blocks))
    return basis @ discriminant(within, variances, plan).astype(np.float32)


def without(rows: Floats, directions: Floats) -> Floats:
    """Rows that no longer differ along some directions, changed in place: (N, V), (K, V) -> (N, V)."""
    turned, _ = np.linalg.qr(directions.T.astype(np.float64))
    basis = turned.astype(np.float32)
    rows -= (rows @ basis) @ basis.T
    return rows


def principal(rows: Floats, most: int) -> tuple[Floats, Doubles]:
    """Components of rows about 0, not about their mean: (N, V) -> (V, K) of length 1, variances (K,)."""
    squares, directions = np.linalg.eigh((rows @ rows.T).astype(np.float64))
    kept = np.flatnonzero(squares[::-1] > 1e-7 * squares[-1])[:most]
    squares, directions = squares[::-1][kept], directions[:, ::-1][:, kept]
    return rows.T @ (directions / np.sqrt(squares)).astype(np.float32), squares / len(rows)


def scatter_within(rows: Floats, genera: Names, species: Rows) -> Doubles:
    """How the species of a genus differ from its mean: (N, K) -> (K, K).

    Each species stands by its mean. A genus of n species weighs as sqrt(n), or a few large ones would decide.
    """
    total, weight = np.zeros((rows.shape[1], rows.shape[1])), 0.0
    for name in _several(genera, species):
        own = np.flatnonzero(genera == name)
        kinds, codes = np.unique(species[own], return_inverse=True)
        means = np.stack([rows[own[codes == code]].mean(axis=0) for code in range(len(kinds))])
        apart = (means - means.mean(axis=0)).astype(np.float64) / len(kinds) ** 0.25
        total += apart.T @ apart
        weight += (len(kinds) - 1) / len(kinds) ** 0.5
    return total / max(weight, 1.0)


def noise(rows: Floats, fragments: Iterator[Floats]) -> Doubles:
    """How fragments differ from the genomes they are of: (N, K), blocks of (N, K) in order -> (K, K)."""
    total, at = np.zeros((rows.shape[1], rows.shape[1])), 0
    for block in fragments:
        apart = block - rows[at : at + len(block)]
        total += (apart.T @ apart).astype(np.float64)
        at += len(block)
    return total / len(rows)


def discriminant(within: Doubles, variances: Doubles, plan: FitPlan) -> Doubles:
    """The map that makes `within` a sphere, then what varies most on it, half whitened: -> (K, D)."""
    size = len(variances)
    spread, axes = np.linalg.eigh(within + plan.ridge * np.trace(within) / size * np.eye(size))
    sphere = axes / np.sqrt(spread)
    found, turned = np.linalg.eigh(sphere.T @ (variances[:, None] * sphere))
    found, turned = found[::-1][: plan.dim], turned[:, ::-1][:, : plan.dim]
    return np.asarray(sphere @ turned * found ** (-plan.whitening / 2))


# -- what it reads ------------------------------------------------------------------------------------------


def _learned_from(shards: Shards, leave_out: Sequence[str]) -> Rows:
    """Numbers of the training part, less some collections."""
    numbers = shards.numbers("train")
    collections = [shards.genome(number).collection for number in range(len(shards))]
    require_collections(leave_out, set(collections), "--leave-out")
    return numbers[~np.isin(np.array(collections)[numbers], leave_out)]


def _whole(shards: Shards, numbers: Rows) -> Iterator[Contigs]:
    return (shards.contigs(number) for number in numbers.tolist())


def _cut(shards: Shards, numbers: Rows, length_bp: int, seed: int) -> Iterator[Contigs]:
    """One fragment of each genome, the same whenever it is asked for."""
    for number in numbers.tolist():
        draws = np.random.default_rng([seed, length_bp, number])
        yield [fragment(shards.contigs(number), length_bp, draws)]


def _profiles(progress: Progress, told: str, numbers: Rows, views: Iterator[Contigs]) -> Iterator[Floats]:
    """Profiles of one view a genome: (N,) -> blocks of (AT_ONCE, V)."""
    for start in range(0, len(numbers), AT_ONCE):
        progress.stage(told, start, len(numbers))
        yield word_profiles(list(islice(views, AT_ONCE)))


def _mean(blocks: Iterator[Floats], count: int) -> Floats:
    return np.asarray(sum(block.sum(axis=0) for block in blocks) / count, np.float32)


def _genera(shards: Shards, numbers: Rows) -> Names:
    return np.array([shards.genome(number).genus or "" for number in numbers.tolist()], np.str_)


def _several(genera: Names, species: Rows) -> Sequence[str]:
    """The genera with two species or more."""
    names, codes = np.unique(genera, return_inverse=True)
    kinds = np.bincount(np.unique(np.stack([codes, species]), axis=1)[0], minlength=len(names))
    return [str(name) for name, count in zip(names, kinds, strict=True) if name and count > 1]
