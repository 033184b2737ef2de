"""Who shares words with whom: an inverted index of the references' sketches, and no comparison of all pairs.

Vectors find what a genome is like as a whole. A part that comes from elsewhere is found by its words: a fifth
of a genome leaves the vector where it was, and shares a fifth of its words with its source.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from genome_index.index.store.pair_table import in_threads
from genome_index.index.store.references import References
from genome_index.taxonomy.levels import UNKNOWN

Rows = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
Counts = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]
Hashes = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]

MOST_WORDS = 8_000_000  # held at a time: of a large collection a smaller sample of each genome's words
COMMON = 256  # genomes; a word of more says nothing of kinship, and costs the square of them
SHARERS = 12  # kept for each genome
READ_GENOMES = 256  # sketches read by a thread at a time
MUCH_LARGER = 16  # from here on words are looked up one by one, instead of walking through both sketches


@dataclass(frozen=True)
class Sharers:
    """Who shares most words with each of A genomes, most first; row -1 where there are fewer than S."""

    rows: Rows  # (A,) the genomes asked about
    near: Rows  # (A, S) whoever it is
    others: Rows  # (A, S) those of other genera
    share: Floats  # (A, S) of the genome's words, that those of other genera have


def sharers(references: References, rows: Rows, asked: Rows, genus: Codes, threads: int) -> Sharers:
    """Look among `rows` for who shares words with those `asked`, which are some of them; `genus` is by row.

    Small genomes are compared with small ones, large ones with large. What has no genus is of no other one.
    """
    near, others = np.full((len(asked), SHARERS), -1, np.int64), np.full((len(asked), SHARERS), -1, np.int64)
    share = np.zeros((len(asked), SHARERS), np.float32)
    small = np.array([references.is_small(row) for row in rows.tolist()], bool)
    for kind in (rows[small], rows[~small]):
        own = np.flatnonzero(np.isin(asked, kind))
        if len(kind) > 1 and len(own):
            at, at_others, found = _among(references, kind, asked[own], genus[kind], threads)
            near[own] = np.where(at >= 0, kind[at], -1)
            others[own] = np.where(at_others >= 0, kind[at_others], -1)
            share[own] = found
    references.let_go()
    return Sharers(asked, near, others, share)


def _among(
    references: References, rows: Rows, asked: Rows, genus: Codes, threads: int
) -> tuple[Counts, Counts, Floats]:
    """The same among genomes sampled alike, in positions within `rows`, which are in order."""
    cut = _thinned_to(references, rows)
    places = np.searchsorted(rows, asked)
    wanted = None if len(asked) == len(rows) else _union(references, asked, cut)
    keys, bits = _keys(references, rows, cut, wanted, threads)
    sizes = np.bincount((keys & np.uint64(2**bits - 1)).astype(np.int64), minlength=len(rows))
    starts = np.concatenate([[0], np.cumsum(sizes)])
    keys.sort()
    number, owners, first = _inverted(keys, bits, starts)
    del keys
    parts = np.array_split(places, 4 * threads)
    counted = list(
        in_threads(lambda i: _count(number, starts, owners, first, genus, parts[i]), len(parts), threads)
    )
    near, others, shared = (np.concatenate([part[at] for part in counted]) for at in range(3))
    return near, others, (shared / np.maximum(sizes[places], 1)[:, None]).astype(np.float32)


def _thinned_to(references: References, rows: Rows) -> np.uint64:
    """Below which hash words are taken, so that all of them together are about MOST_WORDS."""
    limit = references.limit(int(rows[0]))
    words = sum(references.length_bp(row) for row in rows.tolist()) * limit // 2**64
    return np.uint64(limit // max(1, -(-words // MOST_WORDS)))


def _union(references: References, rows: Rows, cut: np.uint64) -> Hashes:
    sketches = [references.hashes(row) for row in rows.tolist()]
    return np.unique(np.concatenate([sketch[: np.searchsorted(sketch, cut)] for sketch in sketches]))


def _keys(
    references: References, rows: Rows, cut: np.uint64, wanted: Hashes | None, threads: int
) -> tuple[Hashes, int]:
    """Each word of each genome, if it is `wanted`, with the genome's position in place of its last bits.

    Two words of which nothing but those bits differs pass for one: a few of some million.
    """
    bits = int(len(rows)).bit_length()
    starts = range(0, len(rows), READ_GENOMES)

    def read(number: int) -> Hashes:
        found = []
        for at in range(starts[number], min(starts[number] + READ_GENOMES, len(rows))):
            sketch = references.hashes(int(rows[at]))
            words = sketch[: np.searchsorted(sketch, cut)]
            if wanted is not None:
                words = words[held_in(words, wanted)]
            found.append((words >> np.uint64(bits) << np.uint64(bits)) | np.uint64(at))
        references.let_go()
        return np.concatenate(found)

    return np.concatenate(list(in_threads(read, len(starts), threads))), bits


@njit(cache=True, nogil=True)
def held_in(words: Hashes, kept: Hashes) -> Flags:
    """Which of some sorted words are among others, sorted too: (W,), (K,) -> (W,)."""
    found = np.zeros(words.size, np.bool_)
    if kept.size > MUCH_LARGER * words.size:
        for i in range(words.size):
            at = np.searchsorted(kept, words[i])
            found[i] = at < kept.size and kept[at] == words[i]
        return found
    i, j = 0, 0
    while i < words.size and j < kept.size:
        left, right = words[i], kept[j]
        found[i] |= left == right
        i += int(left <= right)
        j += int(right <= left)
    return found


@njit(cache=True, nogil=True)
def _inverted(keys: Hashes, bits: int, starts: Rows) -> tuple[Counts, Counts, Counts]:
    """Sorted keys -> each genome's words as numbers, one genome behind the other; who has each; where."""
    mask = np.uint64((1 << bits) - 1)
    number, owners = np.empty(keys.size, np.int32), np.empty(keys.size, np.int32)
    first = np.empty(keys.size + 1, np.int32)
    place = starts.copy()
    words = 0
    for i in range(keys.size):
        owner = np.int64(keys[i] & mask)
        if i == 0 or keys[i] >> np.uint64(bits) != keys[i - 1] >> np.uint64(bits):
            first[words] = i
            words += 1
        owners[i] = owner
        number[place[owner]] = words - 1
        place[owner] += 1
    first[words] = keys.size
    return number, owners, first[: words + 1]


@njit(cache=True, nogil=True)
def _count(
    number: Counts, starts: Rows, owners: Counts, first: Counts, genus: Codes, asked: Rows
) -> tuple[Counts, Counts, Counts]:
    """The SHARERS with most words in common, and those of other genera with their counts: (A, SHARERS)."""
    near, others = np.full((asked.size, SHARERS), -1, np.int32), np.full((asked.size, SHARERS), -1, np.int32)
    shared, shared_by_others = (
        np.zeros((asked.size, SHARERS), np.int32),
        np.zeros((asked.size, SHARERS), np.int32),
    )
    tally = np.zeros(starts.size - 1, np.int32)
    touched = np.empty(starts.size - 1, np.int32)
    for line in range(asked.size):
        genome, seen = asked[line], 0
        for at in range(starts[genome], starts[genome + 1]):
            word = number[at]
            if first[word + 1] - first[word] > COMMON:
                continue
            for place in range(first[word], first[word + 1]):
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


@njit(cache=True, nogil=True)
def _enter(near: Counts, shared: Counts, other: int, count: int) -> None:
    """Give one its place among those that share most."""
    slot = SHARERS - 1
    if count <= shared[slot]:
        return
    while slot > 0 and shared[slot - 1] < count:
        shared[slot], near[slot] = shared[slot - 1], near[slot - 1]
        slot -= 1
    shared[slot], near[slot] = count, other
