"""Hits of fragments, such as contigs and reads, in the same columns as those of whole genomes.

skani measures no ANI for a few hundred bp, so shared k-mers take its place: the column of ANI holds the
identity C ** (1 / k), where C is the share of the fragment's sampled k-mers that the reference has. The
column of the aligned fraction holds the largest share of the reference that the fragment could cover.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.classify.fragments.kmer_scan import SharedKmers, most_shared
from genome_index.classify.search import embed
from genome_index.index.calibration.hits import KMER_FLOOR, HeldOut, Hits, kmer_identity, score
from genome_index.index.calibration.model import CANDIDATES
from genome_index.index.index import Index
from genome_index.index.store.sketches import hash_sketch
from genome_index.index.vectors.exact_search import nearest
from genome_index.records import Genome

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Fragments:
    """Q fragments in the space of an index."""

    length_bp: Rows  # (Q,)
    vectors: Floats  # (Q, d)
    kmers: list[Hashes]  # sampled k-mers of each, as sorted hashes
    limits: Hashes  # (Q,) hash below which the k-mers were sampled


@dataclass(frozen=True)
class ReferenceTable:
    """The references of an index, as every batch of fragments is compared with them."""

    index: Index
    rows: Rows  # (L,) of the genomes that are in the index now
    vectors: Floats  # (N, d) of all rows
    length_bp: Rows  # (N,) of all rows

    @classmethod
    def of(cls, index: Index) -> ReferenceTable:
        length_bp = np.ones(len(index.model.live), np.int64)
        for entry in index.catalog.entries():
            length_bp[entry.row] = entry.length_bp
        return cls(index, np.flatnonzero(index.model.live), index.model.vectors.rows(), length_bp)


def fragments_of(index: Index, genomes: Sequence[Genome]) -> Fragments:
    """Embed and sketch some fragments."""
    spec = index.spec
    length_bp = np.array([genome.length_bp for genome in genomes], np.int64)
    scaled = np.where(length_bp <= spec.small_bp, spec.small_scaled, spec.large_scaled)
    limits = np.array([2**64 // int(each) for each in scaled], np.uint64)
    sketches = [hash_sketch(genome, spec) for genome in genomes]
    return Fragments(length_bp, embed(index, genomes), sketches, limits)


def hits_of(table: ReferenceTable, fragments: Fragments, held: HeldOut, threads: int = 1) -> Hits:
    """The nearest references by shared k-mers and by vector, by descending score: (Q, CANDIDATES)."""
    shared = most_shared(
        table.index.references, table.rows, fragments.kmers, fragments.limits, CANDIDATES, held, threads
    )
    similarity, near = _nearest_vectors(table, fragments.vectors, held)
    return _joined_hits(table, fragments, shared, near, similarity)


def _nearest_vectors(table: ReferenceTable, vectors: Floats, held: HeldOut) -> tuple[Floats, Rows]:
    """The nearest references by vector that are not held out: similarity (Q, K) and rows (Q, K)."""
    if (held.self_rows < 0).all():
        return table.index.model.vectors.search(vectors, CANDIDATES, table.index.model.live)
    codes = held.codes[table.rows]

    def barred(i: int) -> Rows:
        shares_code = (codes == held.own[i]) & (held.own[i] >= 0)
        return np.flatnonzero(shares_code | (table.rows == held.self_rows[i]))

    similarity, near = nearest(vectors, table.vectors[table.rows], CANDIDATES, barred)
    return similarity, np.where(near >= 0, table.rows[near], -1)


def _joined_hits(
    table: ReferenceTable, fragments: Fragments, shared: SharedKmers, near: Rows, similarity: Floats
) -> Hits:
    """The references with shared k-mers and those near by vector as one list, each reference once."""
    is_shared = (near[:, :, None] == shared.rows[:, None, :]).any(axis=2)
    rows = np.concatenate([shared.rows, np.where(is_shared, -1, near)], axis=1)
    containment = np.where(shared.rows >= 0, shared.count / np.maximum(shared.size, 1), 0).astype(np.float32)
    identity = kmer_identity(containment, table.index.spec.sketch_k)
    identity = np.concatenate([identity, np.full(near.shape, KMER_FLOOR, np.float32)], axis=1)
    cosine = np.einsum("qd,qkd->qk", fragments.vectors, table.vectors[shared.rows])
    cosine = np.concatenate([cosine, similarity], axis=1).astype(np.float32)
    order = np.argsort(np.where(rows >= 0, -score(cosine, identity), np.inf), axis=1, kind="stable")
    order = order[:, :CANDIDATES]
    rows, identity, cosine = (
        np.take_along_axis(column, order, axis=1) for column in (rows, identity, cosine)
    )
    ani = np.where(identity > KMER_FLOOR, 100 * identity, np.nan).astype(np.float32)
    cover = 100 * np.minimum(1, fragments.length_bp[:, None] / table.length_bp[rows])
    unknown = np.full(rows.shape, np.nan, np.float32)
    return Hits(rows, np.where(rows >= 0, cosine, 0), identity, ani, unknown, cover.astype(np.float32))
