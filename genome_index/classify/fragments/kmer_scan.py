"""Which references share sampled words with many short queries: one pass through all sketches for a batch.

A fragment's vector says little of whose it is; its words do, even where a few hundred bp give some dozens of
them. No inverted index is kept: the words of the batch are laid out once, and the references stream past.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from genome_index.index.calibration.hits import HeldOut
from genome_index.index.store.pair_table import in_threads
from genome_index.index.store.references import References

Rows = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int32]
Codes = npt.NDArray[np.int32]
Hashes = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]

LEAST_SHARED = 2  # one word in common with some thousand genomes may be chance
READ_GENOMES = 512  # references that go together through one thread
FILTER_BITS = 22  # of a word that say whether it is worth a look: 4 MB, which the cache holds


@dataclass(frozen=True)
class Shared:
    """The K references that share most words with each of Q queries, most first; row -1 where fewer do."""

    rows: Rows  # (Q, K)
    count: Counts  # (Q, K) words in common, LEAST_SHARED or more
    size: Counts  # (Q, K) words of the smaller of the two


@dataclass(frozen=True)
class _Batch:
    """The words of a batch, each once and sorted, and the queries that have it."""

    words: Hashes  # (U,)
    first: Rows  # (U + 1,) where the owners of each begin
    owners: Counts
    likely: Flags  # by a word's last bits: whether the batch may have it


def most_shared(
    references: References, rows: Rows, queries: Sequence[Hashes], limits: Hashes, k: int, held: HeldOut,
    threads: int = 1,
) -> Shared:  # fmt: skip
    """Look through the sketches of `rows`; `limits` are the hashes below which each query was sampled."""
    batch = _laid_out(queries)
    joined = np.concatenate(queries) if queries else np.empty(0, np.uint64)
    starts = np.concatenate([[0], np.cumsum([len(one) for one in queries])]).astype(np.int64)
    blocks = range(0, len(rows), READ_GENOMES)

    def look(number: int) -> Shared:
        some = rows[blocks[number] : blocks[number] + READ_GENOMES]
        sketches = [references.hashes(row) for row in some.tolist()]
        ends = np.concatenate([[0], np.cumsum([len(one) for one in sketches])]).astype(np.int64)
        below = np.array([references.limit(row) for row in some.tolist()], np.uint64)
        found = _blank(len(queries), k)
        _scan(
            batch.words, batch.first, batch.owners, batch.likely, joined, starts, limits,
            np.concatenate(sketches), ends, below, some, held.codes[some], held.self_rows, held.own,
            found.rows, found.count, found.size,
        )  # fmt: skip
        return found

    best = _blank(len(queries), k)
    for found in in_threads(look, len(blocks), threads):
        best = _merged(best, found, k)
    references.let_go()
    return best


def _blank(queries: int, k: int) -> Shared:
    shape = queries, k
    return Shared(np.full(shape, -1, np.int64), np.zeros(shape, np.int32), np.ones(shape, np.int32))


def _merged(one: Shared, other: Shared, k: int) -> Shared:
    rows, count, size = (
        np.concatenate([getattr(one, name), getattr(other, name)], axis=1)
        for name in ("rows", "count", "size")
    )
    order = np.argsort(-count, axis=1, kind="stable")[:, :k]
    return Shared(*(np.take_along_axis(table, order, axis=1) for table in (rows, count, size)))


def _laid_out(queries: Sequence[Hashes]) -> _Batch:
    joined = np.concatenate(queries) if queries else np.empty(0, np.uint64)
    owner = np.repeat(np.arange(len(queries), dtype=np.int32), [len(one) for one in queries])
    order = np.argsort(joined, kind="stable")
    joined, owner = joined[order], owner[order]
    words, first = np.unique(joined, return_index=True)
    likely = np.zeros(1 << FILTER_BITS, np.bool_)
    likely[words & np.uint64((1 << FILTER_BITS) - 1)] = True
    return _Batch(words, np.append(first, len(joined)).astype(np.int64), owner, likely)


@njit(cache=True, nogil=True)
def _scan(
    words: Hashes, first: Rows, owners: Counts, likely: Flags, own_words: Hashes, own_starts: Rows,
    limits: Hashes, joined: Hashes, starts: Rows, below: Hashes, rows: Rows, codes: Codes, self_rows: Rows,
    own: Codes, out_rows: Rows, out_count: Counts, out_size: Counts,
) -> None:  # fmt: skip
    """Count, reference by reference, the words each query has in common with it; keep the most."""
    mask = np.uint64((1 << FILTER_BITS) - 1)
    tally = np.zeros(limits.size, np.int32)
    touched = np.empty(limits.size, np.int32)
    for r in range(rows.size):
        seen = 0
        for at in range(starts[r], starts[r + 1]):
            word = joined[at]
            if not likely[word & mask]:
                continue
            u = np.searchsorted(words, word)
            if u == words.size or words[u] != word:
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
                limit = min(limits[query], below[r])
                mine = np.searchsorted(own_words[own_starts[query] : own_starts[query + 1]], limit)
                size = min(mine, np.searchsorted(joined[starts[r] : starts[r + 1]], limit))
                _enter(out_rows[query], out_count[query], out_size[query], rows[r], count, size)


@njit(cache=True, nogil=True)
def _enter(rows: Rows, counts: Counts, sizes: Counts, row: int, count: int, size: int) -> None:
    """Give a reference its place among those that share most; of equals the first stays first."""
    slot = counts.size - 1
    while slot > 0 and counts[slot - 1] < count:
        rows[slot], counts[slot], sizes[slot] = rows[slot - 1], counts[slot - 1], sizes[slot - 1]
        slot -= 1
    rows[slot], counts[slot], sizes[slot] = row, count, size
