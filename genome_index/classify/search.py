"""Vectors of genomes in the space of an index, and the k-mers that they share with its references."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genome_index.index.index import Index
from genome_index.index.store.sketches import containment, hash_sketch
from genome_index.records import Genome, Progress, quiet

BATCH_GENOMES = 32  # embedded at a time: the 33 MB of the projection are read once for all of them

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


def embed(index: Index, genomes: Sequence[Genome]) -> Floats:
    """Vectors of genomes, of length 1: (N,) -> (N, d)."""
    return embed_with_shares(index, genomes)[0]


def embed_with_shares(
    index: Index, genomes: Sequence[Genome], progress: Progress = quiet
) -> tuple[Floats, Floats]:
    """Vectors of genomes, and the share of each that the encoder read: (N,) -> (N, d), (N,)."""
    encoder, vectors, shares = index.references.encoder, [], []
    for start in range(0, len(genomes), BATCH_GENOMES):
        raw = encoder.encode(genomes[start : start + BATCH_GENOMES], progress)
        vectors.append(index.model.projection.apply(encoder.features(raw)))
        shares.append(encoder.shares(raw))
    return np.concatenate(vectors), np.concatenate(shares)


class Sketch(NamedTuple):
    """The sampled k-mers of a query."""

    hashes: npt.NDArray[np.uint64]  # sorted
    limit: int  # below which they were sampled


def sketch_of(index: Index, genome: Genome) -> Sketch:
    """The k-mers of a genome, sampled as those of references of its length."""
    is_small = genome.length_bp <= index.spec.small_bp
    scaled = index.spec.small_scaled if is_small else index.spec.large_scaled
    return Sketch(hash_sketch(genome, index.spec), 2**64 // scaled)


def sharers(index: Index, sketch: Sketch, count: int) -> Rows:
    """The live references that have the largest share of a query's k-mers, -1 where there are fewer."""
    found = index.kmers.most_shared(sketch.hashes, sketch.limit, count, index.model.live).rows
    return np.append(found, np.full(count - len(found), -1, np.int64))


def containments(index: Index, genome: Genome, rows: Rows) -> Floats:
    """Containment of a genome's sketch and those of rows, as share of the smaller: (K,) -> (K,).

    0 for row -1. Sketches of two densities are compared at the coarser one.
    """
    return containments_of(index, sketch_of(index, genome), rows)


def containments_of(index: Index, sketch: Sketch, rows: Rows) -> Floats:
    """The same, of a query that is sketched already."""
    own, limit = sketch
    shares = np.zeros(len(rows), np.float32)
    for at in np.flatnonzero(rows >= 0):
        row = int(rows[at])
        coarser = np.uint64(min(limit, index.references.limit(row)))
        shares[at] = containment(own, index.references.hashes(row), coarser)
    return shares
