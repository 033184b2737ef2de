"""Shared k-mers of many short queries with all references, in one pass through all sketches for a batch.

The k-mers of the batch are indexed in memory, and the references stream past: each sketch is read once for
thousands of queries, while the inverted index of a snapshot answers one query at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.index.calibration.hits import HeldOut
from genome_index.index.parallel import in_threads
from genome_index.index.store.references import References
from genome_index.io.kernels.kernel import kernel

Rows = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int32]
Codes = npt.NDArray[np.int32]
Hashes = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]

LEAST_SHARED = 2  # one k-mer in common with one of some thousand genomes may be chance
READ_GENOMES = 512  # references that one thread scans together
FILTER_BITS = (
    22  # lowest bits of a k-mer's hash, which tell most k-mers of others apart: 4 MB, as a CPU caches
)


@dataclass(frozen=True)
class SharedKmers:
    """The K references that share most k-mers with each of Q queries, most first; row -1 beyond the last."""

    rows: Rows  # (Q, K)
    count: Counts  # (Q, K) k-mers in common, LEAST_SHARED or more
    size: Counts  # (Q, K) k-mers of the smaller of the two sketches


@dataclass(frozen=True)
class _Batch:
    """The k-mers of a batch, each once and sorted, with the queries that have it."""

    kmers: Hashes  # (U,)
    first: Rows  # (U + 1,) where the owners of each k-mer begin
    owners: Counts  # queries
    likely: Flags  # by a k-mer's lowest bits: whether the batch may have it


def most_shared(
    references: References, rows: Rows, queries: Sequence[Hashes], limits: Hashes, k: int, held: HeldOut,
    threads: int = 1,
) -> SharedKmers:  # fmt: skip
    """The references among `rows` that share most k-mers with each query, k of them.

    Parameters
    ----------
    queries
        The sampled k-mers of each query, as sorted hashes.
    limits
        The hash below which each query was sampled: (Q,).
    """
    batch = _batch_of(queries)
    joined, starts = _joined(queries)
    blocks = range(0, len(rows), READ_GENOMES)

    def scan(number: int) -> SharedKmers:
        block = rows[blocks[number] : blocks[number] + READ_GENOMES]
        sketches, ends = _joined([references.hashes(row) for row in block.tolist()])
        reference_limits = np.array([references.limit(row) for row in block.tolist()], np.uint64)
        shared = _nothing_shared(len(queries), k)
        _scan(
            batch.kmers, batch.first, batch.owners, batch.likely, joined, starts, limits,
            sketches, ends, reference_limits, block, held.codes[block], held.self_rows, held.own,
            shared.rows, shared.count, shared.size,
        )  # fmt: skip
        return shared

    best = _nothing_shared(len(queries), k)
    for shared in in_threads(scan, len(blocks), threads):
        best = _merged(best, shared, k)
    references.let_go()
    return best


def _joined(sketches: Sequence[Hashes]) -> tuple[Hashes, Rows]:
    """All hashes in one array, and where each sketch begins and ends: (S + 1,)."""
    joined = np.concatenate(sketches) if sketches else np.empty(0, np.uint64)
    lengths = [len(sketch) for sketch in sketches]
    return joined, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _nothing_shared(queries: int, k: int) -> SharedKmers:
    shape = queries, k
    return SharedKmers(np.full(shape, -1, np.int64), np.zeros(shape, np.int32), np.ones(shape, np.int32))


def _merged(first: SharedKmers, second: SharedKmers, k: int) -> SharedKmers:
    """The k best of two; of equal counts those of `first` stay first."""
    rows, count, size = (
        np.concatenate([getattr(first, name), getattr(second, name)], axis=1)
        for name in ("rows", "count", "size")
    )
    order = np.argsort(-count, axis=1, kind="stable")[:, :k]
    return SharedKmers(*(np.take_along_axis(table, order, axis=1) for table in (rows, count, size)))


def _batch_of(queries: Sequence[Hashes]) -> _Batch:
    joined, _ = _joined(queries)
    owners = np.repeat(np.arange(len(queries), dtype=np.int32), [len(kmers) for kmers in queries])
    order = np.argsort(joined, kind="stable")
    joined, owners = joined[order], owners[order]
    kmers, first = np.unique(joined, return_index=True)
    likely = np.zeros(1 << FILTER_BITS, np.bool_)
    likely[kmers & np.uint64((1 << FILTER_BITS) - 1)] = True
    return _Batch(kmers, np.append(first, len(joined)).astype(np.int64), owners, likely)


@kernel
def _scan(
    kmers: Hashes, first: Rows, owners: Counts, likely: Flags, query_kmers: Hashes, query_starts: Rows,
    limits: Hashes, sketches: Hashes, starts: Rows, reference_limits: Hashes, rows: Rows, codes: Codes,
    self_rows: Rows, own: Codes, out_rows: Rows, out_count: Counts, out_size: Counts,
) -> None:  # fmt: skip
    """Count, reference by reference, the k-mers that each query shares with it; keep the most."""
    mask = np.uint64((1 << FILTER_BITS) - 1)
    tally = np.zeros(limits.size, np.int32)
    touched = np.empty(limits.size, np.int32)
    for r in range(rows.size):
        seen = 0
        for at in range(starts[r], starts[r + 1]):
            kmer = sketches[at]
            if not likely[kmer & mask]:
                continue
            u = np.searchsorted(kmers, kmer)
            if u == kmers.size or kmers[u] != kmer:
                continue
            for place in range(first[u], first[u + 1]):
                query = owners[place]
                if tally[query] == 0:
                    touched[seen] = query
                    seen += 1
                tally[query] += 1
        for place in range(seen):
            query = touched[place]
            count = tally[query]
            tally[query] = 0
            is_own = rows[r] == self_rows[query] or (codes[r] == own[query] and own[query] >= 0)
            if count >= LEAST_SHARED and not is_own and count > out_count[query, -1]:
                limit = min(limits[query], reference_limits[r])
                mine = np.searchsorted(query_kmers[query_starts[query] : query_starts[query + 1]], limit)
                size = min(mine, np.searchsorted(sketches[starts[r] : starts[r + 1]], limit))
                _enter(out_rows[query], out_count[query], out_size[query], rows[r], count, size)


@kernel
def _enter(rows: Rows, counts: Counts, sizes: Counts, row: int, count: int, size: int) -> None:
    """Insert a reference by its count in place of the last; of equal counts the first stays first."""
    slot = counts.size - 1
    while slot > 0 and counts[slot - 1] < count:
        rows[slot], counts[slot], sizes[slot] = rows[slot - 1], counts[slot - 1], sizes[slot - 1]
        slot -= 1
    rows[slot], counts[slot], sizes[slot] = row, count, size
