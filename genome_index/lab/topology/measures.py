"""All measures of one space of genomes against shared k-mers and the taxonomy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.evaluate.species_out import species_units
from genome_index.lab.topology.agreement import cluster_agreement, name_silhouette, nearest_names
from genome_index.lab.topology.mantel import PERMUTATIONS, Correlation, mantel
from genome_index.lab.topology.neighbours import (
    Order,
    Shares,
    continuity,
    has_neighbours,
    kept,
    trustworthiness,
)
from genome_index.lab.topology.persistence import Diagrams, diagram_distances, diagrams_of
from genome_index.lab.topology.reference import (
    SATURATED,
    Distances,
    kmer_distances,
    taxonomy_distances,
)
from genome_index.records import Genome, Progress, quiet
from genome_index.taxonomy.levels import Level, level_named

NEIGHBOURS = (1, 5, 10)
NAMED = ("species", "genus", "family")
PERSISTENT = 300  # genomes of the diagrams, by chance: loops take time with the third power of them
QUARTILES = (0.25, 0.5, 0.75)

Floats = npt.NDArray[np.float32]
Quartiles = tuple[float, float, float]


@dataclass(frozen=True)
class Sample:
    """Some genomes, and what their vectors are compared with."""

    kmers: Distances  # (N, N)
    taxonomy: Distances  # (N, N)
    order: Order  # by k-mers
    levels: Mapping[str, Level]  # by rank of NAMED
    rows: npt.NDArray[np.int64]  # of the diagrams
    diagrams: Diagrams | None  # by k-mers
    seed: int

    @classmethod
    def of(cls, genomes: Sequence[Genome], seed: int = 0, progress: Progress = quiet) -> Sample:
        """The references of N genomes."""
        kmers, taxa = kmer_distances(genomes, progress), [genome.taxon for genome in genomes]
        rows = np.sort(np.random.default_rng(seed).permutation(len(genomes))[:PERSISTENT])
        levels = {rank: level_named(rank, taxa) for rank in NAMED}
        diagrams = diagrams_of(kmers[np.ix_(rows, rows)])
        return cls(kmers, taxonomy_distances(genomes), Order.of(kmers), levels, rows, diagrams, seed)

    def __len__(self) -> int:
        return len(self.kmers)

    @property
    def neighbours(self) -> tuple[int, ...]:
        """The numbers of neighbours that so few genomes allow."""
        return tuple(k for k in NEIGHBOURS if 2 * k < len(self))

    @property
    def units(self) -> npt.NDArray[np.int64]:
        """What intervals redraw as a whole: the species of each genome, (N,)."""
        return species_units(self.levels["species"])

    def has_neighbours(self, k: int) -> npt.NDArray[np.bool_]:
        return has_neighbours(self.kmers, k, SATURATED)


@dataclass(frozen=True)
class Measures:
    """What a space keeps; NaN where something is not defined. Shares are NaN of genomes not asked."""

    trustworthiness: Shares
    continuity: Shares
    kept: Mapping[int, Shares]  # by number of neighbours
    kmers: Correlation
    taxonomy: Correlation
    parts: float  # distance of the diagrams of H0 to those by k-mers
    loops: float  # of H1
    silhouette: Mapping[str, float]  # by rank
    nearest: Mapping[str, Shares]
    clusters: Mapping[str, float]
    quartiles: Mapping[float, Quartiles]  # by taxonomic distance, of how many pairs are nearer, 0 to 1

    @property
    def most_kept(self) -> Shares:
        """The share kept of the most neighbours."""
        return self.kept[max(self.kept)]


def cosine_distances(vectors: Floats) -> Distances:
    """1 - cosine of all pairs of rows of length 1: (N, D) -> (N, N)."""
    rows = vectors.astype(np.float64)
    distances = np.clip(1 - rows @ rows.T, 0, 2)
    distances = (distances + distances.T) / 2
    np.fill_diagonal(distances, 0)
    return np.asarray(distances)


def measure(sample: Sample, space: Distances, permutations: int = PERMUTATIONS) -> Measures:
    """The measures of a space's distances, (N, N), against a sample's references."""
    order, most = Order.of(space), max(sample.neighbours)
    asked = {k: sample.has_neighbours(k) for k in sample.neighbours}
    kmers, taxonomy = mantel(space, [sample.kmers, sample.taxonomy], permutations, sample.seed)
    parts, loops = diagram_distances(diagrams_of(space[np.ix_(sample.rows, sample.rows)]), sample.diagrams)
    levels = sample.levels
    return Measures(
        np.where(asked[most], trustworthiness(order, sample.order, most), np.nan),
        np.where(asked[most], continuity(order, sample.order, most), np.nan),
        {k: np.where(asked[k], kept(order, sample.order, k), np.nan) for k in asked},
        kmers, taxonomy, parts, loops,
        {rank: name_silhouette(space, level) for rank, level in levels.items()},
        {rank: nearest_names(space, level, levels["species"]) for rank, level in levels.items()},
        {rank: cluster_agreement(space, level) for rank, level in levels.items()},
        quartiles_by_rank(space, sample.taxonomy),
    )  # fmt: skip


def quartiles_by_rank(space: Distances, taxonomy: Distances) -> dict[float, Quartiles]:
    """Of the pairs at each taxonomic distance, quartiles of the share of all pairs that are nearer."""
    from scipy.stats import rankdata

    above = np.triu_indices(len(space), 1)
    shares, ranks = (rankdata(space[above]) - 0.5) / len(above[0]), taxonomy[above]
    found = {float(rank): np.quantile(shares[ranks == rank], QUARTILES).tolist() for rank in np.unique(ranks)}
    return {rank: (low, middle, high) for rank, (low, middle, high) in found.items()}
