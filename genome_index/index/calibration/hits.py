"""Hits of queries: the nearest references with their similarity, shared k-mers, ANI and aligned fraction.

The score that ranks hits joins cosine similarity and the identity estimated from shared k-mers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from genome_index.taxonomy.levels import UNKNOWN

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

KMER_FLOOR = 0.6  # identity where no k-mer is shared; below it 21-mers are shared by chance alone
FULL_AF = 50.0  # percent; of a hit with a lower aligned fraction the ANI counts less (GTDB's, Parks 2020)
AF_COST = 0.1  # points of ANI for each point of aligned fraction below FULL_AF: 30 % cost 2 points
KMER_WEIGHT = 8.0  # of k-mer identity beside cosine in `score`; 1 to 16 compared in tests/bench/RESULTS.md
PAIRS = 8_192  # vectors compared at a time


@dataclass(frozen=True)
class Hits:
    """The nearest references of Q queries, K each, by descending score; row -1 where there are fewer."""

    rows: Rows  # (Q, K)
    similarity: Floats  # (Q, K) cosine
    kmer_identity: Floats  # (Q, K) from shared k-mers: containment ** (1 / k), at least KMER_FLOOR
    ani: Floats  # (Q, K) percent, NaN where it was not or could not be measured
    af_query: Floats  # (Q, K) percent
    af_reference: Floats  # (Q, K) percent

    @property
    def score(self) -> Floats:
        """The score of each hit: (Q, K)."""
        return score(self.similarity, self.kmer_identity)

    def only(self, queries: slice | npt.NDArray[np.bool_]) -> Hits:
        """The hits of some queries."""
        return Hits(*(getattr(self, field.name)[queries] for field in fields(self)))

    def first(self, k: int) -> Hits:
        """The first k hits of each query."""
        return Hits(*(getattr(self, field.name)[:, :k] for field in fields(self)))

    def take(self, order: Rows) -> Hits:
        """The same hits in another order: (Q, K) positions."""
        return Hits(*(np.take_along_axis(getattr(self, field.name), order, axis=1) for field in fields(self)))


def score(similarity: Floats, identity: Floats) -> Floats:
    """Rank hits: cosine plus KMER_WEIGHT times the identity above KMER_FLOOR; (...) and (...) -> (...)."""
    return np.asarray(similarity + KMER_WEIGHT * (identity - KMER_FLOOR), np.float32)


def with_sharers(
    vectors: Floats, similarity: Floats, rows: Rows, sharers: Rows, vectors_of: Callable[[Rows], Floats]
) -> tuple[Floats, Rows]:
    """Candidates by two roads, each once: the nearest vectors, and the references that share most k-mers.

    Parameters
    ----------
    vectors : (Q, d) of the queries
    similarity, rows : (Q, K) the nearest vectors
    sharers : (Q, S) rows, -1 where there are fewer
    vectors_of : the vectors of some rows: (n,) -> (n, d)

    Returns similarity and rows (Q, K + S), row -1 and similarity -inf in place of a row that is there twice.
    """
    added = np.where((sharers[:, :, None] == rows[:, None, :]).any(axis=2), -1, sharers)
    cosine = np.full(added.shape, -np.inf, np.float32)
    queries, at = np.nonzero(added >= 0)
    for start in range(0, len(queries), PAIRS):
        block = slice(start, start + PAIRS)
        others = vectors_of(added[queries[block], at[block]])
        cosine[queries[block], at[block]] = np.einsum("ij,ij->i", vectors[queries[block]], others)
    return np.concatenate([similarity, cosine], axis=1), np.concatenate([rows, added], axis=1)


def effective_ani(hits: Hits) -> Floats:
    """ANI of each hit, lowered where little is aligned: (Q, K) in percent, NaN without an ANI.

    The larger of the two aligned fractions counts.
    """
    lacking = np.maximum(FULL_AF - np.fmax(hits.af_query, hits.af_reference), 0)
    return np.asarray(hits.ani - AF_COST * lacking, np.float32)


def kmer_identity(containment: Floats, k: int) -> Floats:
    """Containment C of sketches -> identity, C ** (1 / k); KMER_FLOOR where no k-mer is shared.

    Koslicki & Zabeti 2019.
    """
    return np.maximum(np.power(containment, 1 / k), KMER_FLOOR).astype(np.float32)


@dataclass(frozen=True)
class NeighbourTable:
    """The nearest references of each reference, by descending score; row -1 where there are fewer."""

    rows: npt.NDArray[np.int32]  # (N, M)
    score: Floats  # (N, M)


@dataclass(frozen=True)
class HeldOut:
    """References hidden from Q simulated queries: each query's own row, and all rows of its code.

    The code is that of a taxon, such as its species or genus.
    """

    self_rows: Rows  # (Q,) the query's own row; -1 for a real query
    codes: npt.NDArray[np.int32]  # (N,) of every reference
    own: npt.NDArray[np.int32]  # (Q,) the query's code; UNKNOWN hides the query's own row only

    def bars(self, rows: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
        """Whether references are hidden from the query of their line: (Q, ...) rows -> (Q, ...)."""
        shape = (-1,) + (1,) * (rows.ndim - 1)
        own = self.own.reshape(shape)
        shares_code = (self.codes[rows] == own) & (own != UNKNOWN)
        return np.asarray((rows == self.self_rows.reshape(shape)) | shares_code)


def nothing_held_out(queries: int, references: int) -> HeldOut:
    none = np.full(queries, -1, np.int64)
    return HeldOut(none, np.full(references, UNKNOWN, np.int32), none.astype(np.int32))
