"""Comparison of references with each other: shared k-mers and ANI of pairs, each measured once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from genome_index.index.calibration.hits import KMER_FLOOR, Hits, kmer_identity, score
from genome_index.index.parallel import in_threads
from genome_index.index.store.kmer_index import KmerIndex, Sharers
from genome_index.index.store.pair_table import PairTable, in_sorted, keys_of, positions, rows_of
from genome_index.index.store.references import References
from genome_index.index.store.skani import measure
from genome_index.index.store.sketches import containment
from genome_index.io.kernels.kernel import kernel

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

HASH_BYTES = 32 << 20  # of sketches in memory while pairs are counted
SHARERS = 50  # candidates by shared k-mers, beside those by vector
VERIFIED = 10  # hits of a query for which ANI is measured


@dataclass
class Comparer:
    """Compares pairs of references, and keeps what was measured in `containments` and `ani`."""

    references: References
    threads: int = 1
    ani: PairTable = field(default_factory=lambda: PairTable(3))  # ANI, AF of lesser row, AF of greater
    containments: PairTable = field(default_factory=lambda: PairTable(1))
    kmers: KmerIndex | None = None  # of all references that are compared; built when it is asked for

    def hits(self, queries: Rows, similarity: Floats, rows: Rows) -> Hits:
        """Hits by descending score, from the nearest rows of references: (Q,), (Q, K), (Q, K) -> Hits."""
        identity = self.kmer_identity(queries[:, None], rows)
        order = np.argsort(np.where(rows >= 0, -score(similarity, identity), np.inf), axis=1, kind="stable")
        blank = np.full(rows.shape, np.nan, np.float32)
        hits = Hits(rows, similarity, identity, blank, blank, blank).take(order)
        return self._with_ani(queries, hits)

    def sharers(
        self, queries: Rows, rows: Rows, barred: Callable[[int], Sequence[Rows]]
    ) -> npt.NDArray[np.int32]:
        """The SHARERS references among some that share most k-mers with each query, in several regimes.

        Parameters
        ----------
        queries : (Q,) rows of the queries
        rows : (n,) rows of the references
        barred : query i -> for each of R regimes the positions within `rows` that it must not find

        Returns positions within `rows`, -1 where there are fewer: (R, Q, SHARERS).
        """
        if self.kmers is None:
            self.kmers = KmerIndex.build(self.references, np.union1d(rows, queries), self.threads)
        kmers, position = self.kmers, positions(rows, len(self.kmers.limits))
        live = np.zeros(len(kmers.limits), bool)
        live[rows] = True

        def search(i: int) -> list[Sharers]:
            hashes, limit = self.references.hashes(int(queries[i])), self.references.limit(int(queries[i]))
            counts = kmers.counts(hashes)
            found = []
            for out in barred(i):
                may_be_found = live.copy()
                may_be_found[rows[out]] = False
                found.append(kmers.best(counts, hashes, limit, SHARERS, may_be_found))
            return found

        found = list(in_threads(search, len(queries), self.threads))
        self._keep(queries, found)
        return np.stack([[_filled(position[each.rows]) for each in line] for line in found], axis=1)

    def _keep(self, queries: Rows, found: Sequence[Sequence[Sharers]]) -> None:
        """Keep the containments that were counted on the way."""
        others = np.concatenate([each.rows for line in found for each in line])
        shares = np.concatenate([each.containment for line in found for each in line])
        counts = [sum(len(each.rows) for each in line) for line in found]
        keys, first = np.unique(keys_of(np.repeat(queries, counts), others), return_index=True)
        new = ~in_sorted(keys, self.containments.keys)
        self.containments.add(keys[new], shares[first][new])

    def kmer_identity(self, a: Rows, b: Rows) -> Floats:
        """Identity from shared k-mers of pairs of rows, any shape; KMER_FLOOR where b is -1."""
        return kmer_identity(self._containment(np.broadcast_to(a, b.shape), b), self.references.spec.sketch_k)

    def _containment(self, a: Rows, b: Rows) -> Floats:
        is_pair = b >= 0
        keys = keys_of(a[is_pair], b[is_pair])
        for block in self._blocks(self.containments.missing(keys)):
            self.containments.add(block, self._count(block))
        containments = np.zeros(b.shape, np.float32)
        containments[is_pair] = self.containments.get(keys)[:, 0]
        return containments

    def _with_ani(self, queries: Rows, hits: Hits) -> Hits:
        """Measure the first VERIFIED hits that share a k-mer with their query; the rest stays NaN."""
        is_first = np.arange(hits.rows.shape[1]) < VERIFIED
        top = is_first & (hits.rows >= 0) & (hits.kmer_identity > KMER_FLOOR)
        own = np.broadcast_to(queries[:, None], hits.rows.shape)
        keys = keys_of(own[top], hits.rows[top])
        self._measure(self.ani.missing(keys))
        ani, af_lesser, af_greater = (np.full(hits.rows.shape, np.nan, np.float32) for _ in range(3))
        ani[top], af_lesser[top], af_greater[top] = self.ani.get(keys).T
        lesser = own < hits.rows
        af_query = np.where(lesser, af_lesser, af_greater)
        af_reference = np.where(lesser, af_greater, af_lesser)
        return Hits(hits.rows, hits.similarity, hits.kmer_identity, ani, af_query, af_reference)

    def _measure(self, keys: Rows) -> None:
        """Measure pairs, given by sorted keys; those of one lesser row go through skani together."""
        lesser, greater = rows_of(keys)
        groups = np.split(np.arange(len(keys)), np.flatnonzero(np.diff(lesser)) + 1) if len(keys) else []

        def measured(number: int) -> Floats | None:
            pairs = groups[number]
            genome = self.references.genome(int(lesser[pairs[0]]))
            if genome is None:  # the index does not keep its sequence
                return None
            partners = [self.references.candidate(row) for row in greater[pairs].tolist()]
            evidence = measure(genome, partners)
            return np.array([(pair.ani, pair.af_query, pair.af_reference) for pair in evidence], np.float32)

        values = in_threads(measured, len(groups), self.threads)
        done = [
            (keys[pairs], table) for pairs, table in zip(groups, values, strict=True) if table is not None
        ]
        if done:
            self.ani.add(
                np.concatenate([key for key, _ in done]), np.concatenate([table for _, table in done])
            )

    def _blocks(self, keys: Rows) -> Iterator[Rows]:
        """Cut sorted keys into blocks whose sketches together just exceed HASH_BYTES."""
        lesser, greater = rows_of(keys)
        start, rows, size = 0, set[int](), 0
        for end in range(1, len(keys) + 1):
            new = {int(lesser[end - 1]), int(greater[end - 1])} - rows
            rows |= new
            size += sum(self.references.hashes(row).nbytes for row in new)
            if size > HASH_BYTES:
                yield keys[start:end]
                start, rows, size = end, set(), 0
        if start < len(keys):
            yield keys[start:]

    def _count(self, keys: Rows) -> Floats:
        """Containment of pairs, given by keys: (P,) -> (P,)."""
        lesser, greater = rows_of(keys)
        rows = np.unique(np.concatenate([lesser, greater]))
        sketches = [self.references.hashes(row) for row in rows.tolist()]
        starts = np.concatenate([[0], np.cumsum([len(sketch) for sketch in sketches])])
        joined = np.concatenate(sketches)
        limits = np.array([self.references.limit(row) for row in rows.tolist()], np.uint64)
        a, b = np.searchsorted(rows, lesser), np.searchsorted(rows, greater)
        containments = np.empty(len(keys), np.float32)
        cuts = np.linspace(0, len(keys), 4 * self.threads + 1).astype(int)

        def count(part: int) -> None:
            _contain(joined, starts, limits, a, b, containments, cuts[part], cuts[part + 1])

        list(in_threads(count, 4 * self.threads, self.threads))
        return containments


def _filled(rows: Rows) -> npt.NDArray[np.int32]:
    """Rows of one query, filled up with -1 to SHARERS."""
    filled = np.full(SHARERS, -1, np.int32)
    filled[: len(rows)] = rows
    return filled


@kernel
def _contain(
    joined: npt.NDArray[np.uint64],
    starts: Rows,
    limits: npt.NDArray[np.uint64],
    a: Rows,
    b: Rows,
    containments: Floats,
    start: int,
    end: int,
) -> None:
    """Containment of the pairs from `start` to `end`, at the coarser of their sketches' two densities."""
    for pair in range(start, end):
        i, j = a[pair], b[pair]
        containments[pair] = containment(
            joined[starts[i] : starts[i + 1]],
            joined[starts[j] : starts[j + 1]],
            min(limits[i], limits[j]),
        )
