"""Who shares words with whom: an inverted index of the references' sketches, and no comparison of all pairs.

Vectors find what a genome is like as a whole. A part that comes from elsewhere is found by its words: a fifth
of a genome leaves the vector where it was, and shares a fifth of its words with its source.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from numba import njit

from genome_index.references import References

Rows = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int32]
Words = npt.NDArray[np.uint64]

MOST_WORDS = 8_000_000  # held at a time: of a large collection a smaller sample of each genome's words
COMMON = 256  # genomes; a word of more says nothing of kinship, and costs the square of them
SHARERS = 12  # kept for each genome


def sharers(references: References, rows: Rows) -> tuple[Rows, npt.NDArray[np.float32]]:
    """Who shares most words with each of some genomes: (N,) -> (N, SHARERS) rows, share of its words.

    Row -1, share 0, where there are fewer. Small genomes are compared with small ones, large ones with large.
    """
    found = np.full((len(rows), SHARERS), -1, np.int64)
    share = np.zeros((len(rows), SHARERS), np.float32)
    small = np.array([references.is_small(row) for row in rows.tolist()], bool)
    for kind in (small, ~small):
        if kind.sum() > 1:
            at, found_share = _among(references, rows[kind])
            found[kind] = np.where(at >= 0, rows[kind][at], -1)
            share[kind] = found_share
    return found, share


def _among(references: References, rows: Rows) -> tuple[Counts, npt.NDArray[np.float32]]:
    """The same among genomes sampled alike, in positions within `rows`."""
    sketches = _sampled(references, rows)
    counts = np.array([len(sketch) for sketch in sketches])
    words, starts = np.concatenate(sketches), np.concatenate([[0], np.cumsum(counts)])
    order = np.argsort(words, kind="stable")
    fresh = np.concatenate([[True], np.diff(words[order]) > 0])
    number = np.empty(len(words), np.int32)
    number[order] = np.cumsum(fresh) - 1
    first = np.append(np.flatnonzero(fresh), len(words))
    owners = np.repeat(np.arange(len(rows), dtype=np.int32), counts)[order]
    near, shared = _count(number, starts, owners, first)
    return near, (shared / np.maximum(counts, 1)[:, None]).astype(np.float32)


def _sampled(references: References, rows: Rows) -> Sequence[Words]:
    """Sketches, thinned alike until all of them together have about MOST_WORDS."""
    limit = references.limit(int(rows[0]))
    words = sum(references.length_bp(row) for row in rows.tolist()) * limit // 2**64
    cut = np.uint64(limit // max(1, -(-words // MOST_WORDS)))
    sketches = (references.hashes(row) for row in rows.tolist())
    return [sketch[: np.searchsorted(sketch, cut)].copy() for sketch in sketches]


@njit(cache=True, nogil=True)
def _count(number: Counts, starts: Rows, owners: Counts, first: Rows) -> tuple[Counts, Counts]:
    """For each genome the SHARERS others with most words in common: (N, SHARERS) positions and counts."""
    genomes = starts.size - 1
    near = np.full((genomes, SHARERS), -1, np.int32)
    shared = np.zeros((genomes, SHARERS), np.int32)
    tally = np.zeros(genomes, np.int32)
    touched = np.empty(genomes, np.int32)
    for genome in range(genomes):
        seen = 0
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
            count = tally[other]
            tally[other] = 0
            if count > shared[genome, SHARERS - 1]:
                slot = SHARERS - 1
                while slot > 0 and shared[genome, slot - 1] < count:
                    shared[genome, slot] = shared[genome, slot - 1]
                    near[genome, slot] = near[genome, slot - 1]
                    slot -= 1
                shared[genome, slot] = count
                near[genome, slot] = other
    return near, shared
