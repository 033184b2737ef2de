"""Comparing references with each other: shared words and ANI of pairs, each measured once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from numba import njit

from genome_index.index.calibration.hits import KMER_FLOOR, Hits, kmer_identity, score
from genome_index.index.store.pair_table import PairTable, in_threads, keys_of, rows_of
from genome_index.index.store.references import References
from genome_index.index.store.skani import measure
from genome_index.index.store.sketches import containment

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

HASH_BYTES = 32 << 20  # of sketches held at a time while pairs are counted
VERIFIED = 10  # hits of a query that get an ANI


@dataclass
class Comparer:
    """Answers for pairs of references; what has been measured stays in `words` and `ani`."""

    references: References
    threads: int = 1
    ani: PairTable = field(default_factory=lambda: PairTable(3))  # ANI, AF of lesser row, AF of greater
    words: PairTable = field(default_factory=lambda: PairTable(1))  # containment

    def hits(self, queries: Rows, similarity: Floats, rows: Rows) -> Hits:
        """Evidence for the nearest rows of references: (Q,), (Q, K), (Q, K) -> Hits by descending score."""
        words = self.kmer_identity(queries[:, None], rows)
        order = np.argsort(np.where(rows >= 0, -score(similarity, words), np.inf), axis=1, kind="stable")
        blank = np.full(rows.shape, np.nan, np.float32)
        hits = Hits(rows, similarity, words, blank, blank, blank).take(order)
        return self._with_ani(queries, hits)

    def kmer_identity(self, a: Rows, b: Rows) -> Floats:
        """Identity by shared words of pairs of rows, any shape; where b is -1, that of nothing shared."""
        return kmer_identity(self._containment(np.broadcast_to(a, b.shape), b), self.references.spec.sketch_k)

    def _containment(self, a: Rows, b: Rows) -> Floats:
        real = b >= 0
        keys = keys_of(a[real], b[real])
        for block in self._blocks(self.words.missing(keys)):
            self.words.add(block, self._count(block))
        found = np.zeros(b.shape, np.float32)
        found[real] = self.words.get(keys)[:, 0]
        return found

    def _with_ani(self, queries: Rows, hits: Hits) -> Hits:
        """Measure the best VERIFIED hits that share a word with their query; the rest stays NaN."""
        top = (
            (np.arange(hits.rows.shape[1]) < VERIFIED) & (hits.rows >= 0) & (hits.kmer_identity > KMER_FLOOR)
        )
        asked = np.broadcast_to(queries[:, None], hits.rows.shape)
        keys = keys_of(asked[top], hits.rows[top])
        self._measure(self.ani.missing(keys))
        ani, af_lesser, af_greater = (np.full(hits.rows.shape, np.nan, np.float32) for _ in range(3))
        ani[top], af_lesser[top], af_greater[top] = self.ani.get(keys).T
        lesser = asked < hits.rows
        af_query = np.where(lesser, af_lesser, af_greater)
        af_reference = np.where(lesser, af_greater, af_lesser)
        return Hits(hits.rows, hits.similarity, hits.kmer_identity, ani, af_query, af_reference)

    def _measure(self, keys: Rows) -> None:
        lesser, greater = rows_of(keys)
        starts = np.flatnonzero(np.diff(lesser, prepend=-1))
        ends = np.append(starts[1:], len(keys))

        def one(number: int) -> Floats | None:
            """All asked pairs of one lesser row, in one call of skani."""
            genome = self.references.genome(int(lesser[starts[number]]))
            if genome is None:
                return None
            partners = greater[starts[number] : ends[number]].tolist()
            found = measure(genome, [self.references.candidate(partner) for partner in partners])
            return np.array([(e.ani, e.af_query, e.af_reference) for e in found], np.float32)

        kept = [
            (keys[starts[i] : ends[i]], values)
            for i, values in enumerate(in_threads(one, len(starts), self.threads))
            if values is not None
        ]
        if kept:
            self.ani.add(
                np.concatenate([key for key, _ in kept]), np.concatenate([values for _, values in kept])
            )

    def _blocks(self, keys: Rows) -> Iterator[Rows]:
        """Cut sorted pairs so that the sketches of a block fit into HASH_BYTES."""
        lesser, greater = rows_of(keys)
        start, seen, size = 0, set[int](), 0
        for at in range(len(keys)):
            new = {int(lesser[at]), int(greater[at])} - seen
            seen |= new
            size += sum(self.references.hashes(row).nbytes for row in new)
            if size > HASH_BYTES:
                yield keys[start : at + 1]
                start, seen, size = at + 1, set(), 0
        if start < len(keys):
            yield keys[start:]

    def _count(self, keys: Rows) -> Floats:
        lesser, greater = rows_of(keys)
        rows = np.unique(np.concatenate([lesser, greater]))
        sketches = [self.references.hashes(row) for row in rows.tolist()]
        starts = np.concatenate([[0], np.cumsum([len(sketch) for sketch in sketches])])
        joined = np.concatenate(sketches)
        limits = np.array([self.references.limit(row) for row in rows.tolist()], np.uint64)
        a, b = np.searchsorted(rows, lesser), np.searchsorted(rows, greater)
        found = np.empty(len(keys), np.float32)
        cuts = np.linspace(0, len(keys), 4 * self.threads + 1).astype(int)
        list(
            in_threads(
                lambda i: _contain(joined, starts, limits, a, b, found, cuts[i], cuts[i + 1]),
                4 * self.threads,
                self.threads,
            )
        )
        return found


@njit(cache=True, nogil=True)
def _contain(
    joined: npt.NDArray[np.uint64],
    starts: Rows,
    limits: npt.NDArray[np.uint64],
    a: Rows,
    b: Rows,
    found: Floats,
    start: int,
    end: int,
) -> None:
    for pair in range(start, end):
        i, j = a[pair], b[pair]
        found[pair] = containment(
            joined[starts[i] : starts[i + 1]],
            joined[starts[j] : starts[j + 1]],
            min(limits[i], limits[j]),
        )
