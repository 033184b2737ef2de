"""What vectors of genomes are compared with: distances by shared k-mers, and by the taxonomy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from genome_index.index.store.sketches import hash_sketch
from genome_index.lab.corpus.relatives import SPEC, pair_identity, sampling_limit
from genome_index.records import RANKS, Genome, Progress, quiet
from genome_index.taxonomy.levels import UNKNOWN, level_named

Distances = npt.NDArray[np.float64]  # (N, N), symmetric, zeros on the diagonal

SATURATED = 1.0  # of two genomes that share no sampled k-mer
LOWEST = RANKS.index("species")  # a strain is no deeper: few genomes have one


def kmer_distances(genomes: Sequence[Genome], progress: Progress = quiet) -> Distances:
    """1 - identity of all pairs: (N, N), from 0 to SATURATED.

    The identity is the share of the smaller genome's sampled 21-mers that the other one has, to the power
    1 / 21, as in an index (Ondov et al. 2016 have the same from the Jaccard index). Genomes that share none
    are SATURATED: how far apart they are, is not known.
    """
    sketches = [hash_sketch(genome, SPEC) for genome in genomes]
    limits = [sampling_limit(genome) for genome in genomes]
    distances = np.zeros((len(genomes), len(genomes)))
    for a, sketch in enumerate(sketches):
        for b in range(a):
            identity = pair_identity(sketch, sketches[b], min(limits[a], limits[b]))
            distances[a, b] = distances[b, a] = SATURATED - identity
        progress.stage("pairs of genomes by k-mers", (a + 1) ** 2, len(genomes) ** 2)
    return distances


def taxonomy_distances(genomes: Sequence[Genome]) -> Distances:
    """Ranks from the species up to the lowest common name of all pairs: (N, N).

    0 in one species, 1 in one genus, 2 in one family, and so on; 7 without a common name. A missing name is
    no common name, but of a genome with itself.
    """
    depth = np.full((len(genomes), len(genomes)), -1)
    for at, rank in enumerate(RANKS[: LOWEST + 1]):
        codes = level_named(rank, [genome.taxon for genome in genomes]).codes
        depth[(codes[:, None] == codes[None, :]) & (codes != UNKNOWN)[:, None]] = at
    np.fill_diagonal(depth, LOWEST)
    return (LOWEST - depth).astype(np.float64)
