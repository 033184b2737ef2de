"""Fragments -> Hits: what contigs and reads rest on, told in the same columns as a whole genome's evidence.

skani says nothing of a few hundred bp, so words stand in its place. Of a fragment's sampled words those are
counted that a reference has: identity is their share to the power 1 / k, and stands in the column of ANI. The
column of the aligned fraction says how much of the reference the fragment could cover at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.classify.fragments.kmer_scan import Shared, most_shared
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
class Pieces:
    """Fragments as an index sees them."""

    length_bp: Rows  # (Q,)
    vectors: Floats  # (Q, d)
    words: list[Hashes]  # sampled, sorted
    limits: Hashes  # (Q,) hashes below which the words were sampled


@dataclass(frozen=True)
class Table:
    """What of an index every batch is compared with."""

    index: Index
    rows: Rows  # (N,) of the genomes that are in the index
    vectors: Floats  # (all rows, d)
    length_bp: Rows  # (all rows,)

    @classmethod
    def of(cls, index: Index) -> Table:
        length_bp = np.ones(len(index.model.live), np.int64)
        for entry in index.catalog.entries():
            length_bp[entry.row] = entry.length_bp
        return cls(index, np.flatnonzero(index.model.live), index.model.vectors.rows(), length_bp)


def pieces_of(index: Index, fragments: Sequence[Genome]) -> Pieces:
    spec = index.spec
    length_bp = np.array([one.length_bp for one in fragments], np.int64)
    scaled = np.where(length_bp <= spec.small_bp, spec.small_scaled, spec.large_scaled)
    limits = np.array([2**64 // int(one) for one in scaled], np.uint64)
    return Pieces(length_bp, embed(index, fragments), [hash_sketch(one, spec) for one in fragments], limits)


def hits_of(table: Table, pieces: Pieces, held: HeldOut, threads: int = 1) -> Hits:
    """The nearest references of fragments, by words and by vector, by descending score: (Q, CANDIDATES)."""
    shared = most_shared(
        table.index.references, table.rows, pieces.words, pieces.limits, CANDIDATES, held, threads
    )
    similarity, near = _by_vector(table, pieces.vectors, held)
    return _ranked(table, pieces, shared, near, similarity)


def _by_vector(table: Table, vectors: Floats, held: HeldOut) -> tuple[Floats, Rows]:
    """The nearest vectors, without those that are held out."""
    if (held.self_rows < 0).all():
        return table.index.model.vectors.search(vectors, CANDIDATES, table.index.model.live)
    codes = held.codes[table.rows]

    def barred(i: int) -> Rows:
        shares_code = (codes == held.own[i]) & (held.own[i] >= 0)
        return np.flatnonzero(shares_code | (table.rows == held.self_rows[i]))

    similarity, near = nearest(vectors, table.vectors[table.rows], CANDIDATES, barred)
    return similarity, np.where(near >= 0, table.rows[near], -1)


def _ranked(table: Table, pieces: Pieces, shared: Shared, near: Rows, similarity: Floats) -> Hits:
    """Those found by words and those found by vector as one list, each reference once."""
    again = (near[:, :, None] == shared.rows[:, None, :]).any(axis=2)
    rows = np.concatenate([shared.rows, np.where(again, -1, near)], axis=1)
    share = np.where(shared.rows >= 0, shared.count / np.maximum(shared.size, 1), 0)
    words = kmer_identity(share.astype(np.float32), table.index.spec.sketch_k)
    words = np.concatenate([words, np.full(near.shape, KMER_FLOOR, np.float32)], axis=1)
    cosine = np.einsum("qd,qkd->qk", pieces.vectors, table.vectors[shared.rows])
    cosine = np.concatenate([cosine, similarity], axis=1).astype(np.float32)
    order = np.argsort(np.where(rows >= 0, -score(cosine, words), np.inf), axis=1, kind="stable")
    order = order[:, :CANDIDATES]
    rows, words, cosine = (np.take_along_axis(one, order, axis=1) for one in (rows, words, cosine))
    ani = np.where(words > KMER_FLOOR, 100 * words, np.nan).astype(np.float32)
    cover = 100 * np.minimum(1, pieces.length_bp[:, None] / table.length_bp[rows])
    blank = np.full(rows.shape, np.nan, np.float32)
    return Hits(rows, np.where(rows >= 0, cosine, 0), words, ani, blank, cover.astype(np.float32))
