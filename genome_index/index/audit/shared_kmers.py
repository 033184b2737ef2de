"""Which references share k-mers: an inverted index of their sketches, without comparing all pairs.

Vectors find the genomes that are similar as a whole. A part from another genome is found by its k-mers: a
foreign fifth hardly moves the vector, but its source has a fifth of the genome's k-mers.

In this room hashes are sampled k-mer hashes, sorted: (H,).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.index.parallel import in_threads
from genome_index.index.store.references import References
from genome_index.io.kernels.kernel import kernel
from genome_index.taxonomy.levels import UNKNOWN

Rows = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
Counts = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]
Hashes = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]

MOST_HASHES = 8_000_000  # in memory at a time: in a large collection each genome has a smaller sample
COMMON = 256  # genomes; a k-mer of more tells nothing of relatives, and costs the square of their number
SHARERS = 12  # kept for each genome
READ_GENOMES = 256  # sketches that a thread reads at a time
MUCH_LARGER = 16  # times the other sketch: from here on hashes are searched, not merged


@dataclass(frozen=True)
class KmerSharers:
    """The references that share most k-mers with each of A genomes, most first; row -1 fills up."""

    rows: Rows  # (A,) the genomes
    near: Rows  # (A, S) of any genus
    others: Rows  # (A, S) of other genera
    share: Floats  # (A, S) share of the genome's k-mers that those of other genera have


def no_sharers() -> KmerSharers:
    """Of no genome: where all are of one genus, neighbours by vector are all that is needed."""
    none = np.empty((0, SHARERS), np.int64)
    return KmerSharers(np.empty(0, np.int64), none, none, none.astype(np.float32))


def kmer_sharers(
    references: References, rows: Rows, subjects: Rows, genus: Codes, threads: int
) -> KmerSharers:
    """The genomes among `rows` that share k-mers with each of the `subjects`, which are some of them.

    Small genomes are compared with small ones, large with large. A genome without a genus (`genus` is by row)
    is not of another genus than any.
    """
    near, others = (np.full((len(subjects), SHARERS), -1, np.int64) for _ in range(2))
    share = np.zeros((len(subjects), SHARERS), np.float32)
    small = np.array([references.is_small(row) for row in rows.tolist()], bool)
    for group in (rows[small], rows[~small]):
        of_group = np.flatnonzero(np.isin(subjects, group))
        if len(group) > 1 and len(of_group):
            at, at_others, shares = _among(references, group, subjects[of_group], genus[group], threads)
            near[of_group] = np.where(at >= 0, group[at], -1)
            others[of_group] = np.where(at_others >= 0, group[at_others], -1)
            share[of_group] = shares
    references.let_go()
    return KmerSharers(subjects, near, others, share)


def _among(
    references: References, rows: Rows, subjects: Rows, genus: Codes, threads: int
) -> tuple[Counts, Counts, Floats]:
    """The same among genomes sampled at one density, as positions within `rows`, which are sorted."""
    limit = _limit(references, rows)
    places = np.searchsorted(rows, subjects)
    wanted = None if len(subjects) == len(rows) else _union(references, subjects, limit)
    keys, bits = _keys(references, rows, limit, wanted, threads)
    sizes = np.bincount((keys & np.uint64(2**bits - 1)).astype(np.int64), minlength=len(rows))
    starts = np.concatenate([[0], np.cumsum(sizes)])
    keys.sort()
    number, owners, first = _inverted(keys, bits, starts)
    del keys
    parts = np.array_split(places, 4 * threads)
    counts = list(
        in_threads(lambda i: _count(number, starts, owners, first, genus, parts[i]), len(parts), threads)
    )
    near, others, shared = (np.concatenate([part[at] for part in counts]) for at in range(3))
    return near, others, (shared / np.maximum(sizes[places], 1)[:, None]).astype(np.float32)


def _limit(references: References, rows: Rows) -> np.uint64:
    """The limit below which hashes are used, so that there are about MOST_HASHES in all."""
    limit = references.limit(int(rows[0]))
    hashes = sum(references.length_bp(row) for row in rows.tolist()) * limit // 2**64
    return np.uint64(limit // max(1, -(-hashes // MOST_HASHES)))


def _union(references: References, rows: Rows, limit: np.uint64) -> Hashes:
    sketches = [references.hashes(row) for row in rows.tolist()]
    return np.unique(np.concatenate([sketch[: np.searchsorted(sketch, limit)] for sketch in sketches]))


def _keys(
    references: References, rows: Rows, limit: np.uint64, wanted: Hashes | None, threads: int
) -> tuple[Hashes, int]:
    """Each genome's hashes, those `wanted`, with the genome's position in place of the last bits.

    Two hashes that differ only in those bits count as one: a few of some million.
    """
    bits = int(len(rows)).bit_length()
    starts = range(0, len(rows), READ_GENOMES)

    def read(number: int) -> Hashes:
        keys = []
        for at in range(starts[number], min(starts[number] + READ_GENOMES, len(rows))):
            sketch = references.hashes(int(rows[at]))
            hashes = sketch[: np.searchsorted(sketch, limit)]
            if wanted is not None:
                hashes = hashes[shared_with(hashes, wanted)]
            keys.append((hashes >> np.uint64(bits) << np.uint64(bits)) | np.uint64(at))
        references.let_go()
        return np.concatenate(keys)

    return np.concatenate(list(in_threads(read, len(starts), threads))), bits


@kernel
def shared_with(hashes: Hashes, others: Hashes) -> Flags:
    """Which of some hashes are among others, both sorted: (H,), (K,) -> (H,)."""
    shared = np.zeros(hashes.size, np.bool_)
    if others.size > MUCH_LARGER * hashes.size:
        for i in range(hashes.size):
            at = np.searchsorted(others, hashes[i])
            shared[i] = at < others.size and others[at] == hashes[i]
        return shared
    i, j = 0, 0
    while i < hashes.size and j < others.size:
        left, right = hashes[i], others[j]
        shared[i] |= left == right
        i += int(left <= right)
        j += int(right <= left)
    return shared


@kernel
def _inverted(keys: Hashes, bits: int, starts: Rows) -> tuple[Counts, Counts, Counts]:
    """Sorted keys -> the inverted index of U distinct hashes, which are numbered in order.

    The hash numbers of each genome, one genome after the other: (K,); the genomes of each hash: (K,); where
    those of each hash start: (U + 1,).
    """
    mask = np.uint64((1 << bits) - 1)
    number, owners = np.empty(keys.size, np.int32), np.empty(keys.size, np.int32)
    first = np.empty(keys.size + 1, np.int32)
    place = starts.copy()
    hashes = 0
    for i in range(keys.size):
        owner = np.int64(keys[i] & mask)
        if i == 0 or keys[i] >> np.uint64(bits) != keys[i - 1] >> np.uint64(bits):
            first[hashes] = i
            hashes += 1
        owners[i] = owner
        number[place[owner]] = hashes - 1
        place[owner] += 1
    first[hashes] = keys.size
    return number, owners, first[: hashes + 1]


@kernel
def _count(
    number: Counts, starts: Rows, owners: Counts, first: Counts, genus: Codes, subjects: Rows
) -> tuple[Counts, Counts, Counts]:
    """The SHARERS with most k-mers in common, and those of other genera with their counts: (A, SHARERS)."""
    shape = (subjects.size, SHARERS)
    near, others = np.full(shape, -1, np.int32), np.full(shape, -1, np.int32)
    shared, shared_by_others = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
    tally = np.zeros(starts.size - 1, np.int32)
    touched = np.empty(starts.size - 1, np.int32)
    for line in range(subjects.size):
        genome, seen = subjects[line], 0
        for at in range(starts[genome], starts[genome + 1]):
            kmer = number[at]
            if first[kmer + 1] - first[kmer] > COMMON:
                continue
            for place in range(first[kmer], first[kmer + 1]):
                other = owners[place]
                if other == genome:
                    continue
                if tally[other] == 0:
                    touched[seen] = other
                    seen += 1
                tally[other] += 1
        for place in range(seen):
            other = touched[place]
            _enter(near[line], shared[line], other, tally[other])
            if genus[other] != genus[genome] and genus[other] != UNKNOWN and genus[genome] != UNKNOWN:
                _enter(others[line], shared_by_others[line], other, tally[other])
            tally[other] = 0
    return near, others, shared_by_others


@kernel
def _enter(near: Counts, shared: Counts, other: int, count: int) -> None:
    """Insert a genome into a line of sharers that is sorted by their counts."""
    slot = SHARERS - 1
    if count <= shared[slot]:
        return
    while slot > 0 and shared[slot - 1] < count:
        shared[slot], near[slot] = shared[slot - 1], near[slot - 1]
        slot -= 1
    shared[slot], near[slot] = count, other
