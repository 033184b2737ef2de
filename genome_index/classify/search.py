"""Genomes against an index: their vectors in its space, and the words they share with its references."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from genome_index.index.index import Index
from genome_index.index.store.sketches import containment, hash_sketch
from genome_index.records import Genome, Progress, quiet

TOGETHER = 32  # genomes embedded at a time: the projection's 33 MB are read once for all of them

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


def embed(index: Index, genomes: Sequence[Genome]) -> Floats:
    """Vectors of genomes in the index's space: (N,) -> (N, d), rows of length 1."""
    return read(index, genomes)[0]


def read(index: Index, genomes: Sequence[Genome], progress: Progress = quiet) -> tuple[Floats, Floats]:
    """The same, and what share of each genome was read: (N,) -> (N, d), (N,)."""
    encoder, parts, shares = index.references.encoder, [], []
    for start in range(0, len(genomes), TOGETHER):
        raw = encoder.encode(genomes[start : start + TOGETHER], progress)
        parts.append(index.model.projection.apply(encoder.features(raw)))
        shares.append(encoder.shares(raw))
    return np.concatenate(parts), np.concatenate(shares)


def contained(index: Index, genome: Genome, rows: Rows) -> Floats:
    """Share of the smaller sketch that is in the other, of a genome and rows: (K,) -> (K,), 0 for row -1."""
    own = hash_sketch(genome, index.spec)
    small = genome.length_bp <= index.spec.small_bp
    limit = 2**64 // (index.spec.small_scaled if small else index.spec.large_scaled)
    found = np.zeros(len(rows), np.float32)
    for at in np.flatnonzero(rows >= 0):
        row = int(rows[at])
        both = np.uint64(min(limit, index.references.limit(row)))
        found[at] = containment(own, index.references.hashes(row), both)
    return found
