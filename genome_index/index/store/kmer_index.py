"""Inverted index of the sampled k-mers: hash -> the rows of the genomes that have it.

A genome's k-mers are looked up one by one, so that the references which share any are counted without reading
the sketches of the others. Counts are those that a comparison of all pairs of sketches would give.

New genomes are a part of their own, so that adding one to a million writes one and not a million. A part is
joined with the one before if that is not much larger, so that there are few of them.

In this module hashes are sampled k-mer hashes, distinct and sorted: (H,).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genome_index.errors import IndexDamaged
from genome_index.index.parallel import in_threads
from genome_index.index.store.kmer_part import (
    PART_ARRAYS,
    Counts,
    Hashes,
    KmerPart,
    Rows,
    file_of,
    fixed,
    mapped,
)
from genome_index.index.store.references import References
from genome_index.index.store.sketches import MUCH_LARGER
from genome_index.io.kernels.kernel import kernel_with

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]

READ_GENOMES = 256  # sketches that a thread reads at a time
JOINED_POSTINGS = 1_000_000  # a part up to this size, 20 MB, is always joined with a new one
JOINED_TIMES = 4  # so is one that is not this many times larger than the new one
STEM = "kmers"  # of the files of the first part; the next are kmers.1, kmers.2 ...


class Sharers(NamedTuple):
    """The references that share most k-mers with a query, most first."""

    rows: Rows  # (K,)
    shared: Counts  # (K,) k-mers in common
    containment: Floats  # (K,) share of the smaller of the two sketches, as `sketches.containment` gives it


@dataclass(frozen=True)
class KmerIndex:
    """Hash -> rows. A row without hashes is that of no genome."""

    parts: tuple[KmerPart, ...]  # rows of a part come after those of the parts before
    sizes: Counts  # (N, 2) hashes of each row at its own density, and at the coarsest of the index
    limits: Hashes  # (N,) the limit below which the row's hashes were sampled

    @classmethod
    def build(cls, references: References, rows: Rows, threads: int = 1) -> KmerIndex:
        """The index of some rows of an index: (n,), ascending."""
        sketches = _sketches(references, rows, threads)
        limits = np.zeros(int(rows.max()) + 1 if len(rows) else 0, np.uint64)
        limits[rows] = [references.limit(row) for row in rows.tolist()]
        coarsest = np.uint64(2**64 // max(references.spec.small_scaled, references.spec.large_scaled))
        return cls.of_sketches(sketches, rows, limits, coarsest, threads)

    @classmethod
    def of_sketches(
        cls, sketches: Sequence[Hashes], rows: Rows, limits: Hashes, coarsest: np.uint64, threads: int = 1
    ) -> KmerIndex:
        """The index of sketches by themselves.

        Parameters
        ----------
        sketches : n times (H,)
        rows : (n,) the row of each sketch, ascending
        limits : (N,) the limit below which a row's hashes were sampled
        coarsest : the least limit of any sketch
        """
        sizes = np.zeros((len(limits), 2), np.int32)
        for row, sketch in zip(rows.tolist(), sketches, strict=True):
            sizes[row] = len(sketch), np.searchsorted(sketch, coarsest)
        return cls((KmerPart.of_sketches(sketches, rows, threads),), *fixed(sizes, limits))

    def extended(self, references: References, rows: Rows, threads: int = 1) -> KmerIndex:
        """The index with further rows, which come after all that it has: (n,), ascending."""
        new = KmerIndex.build(references, rows, threads)
        parts, last = list(self.parts), new.parts[0]
        while parts and len(parts[-1].rows) <= max(JOINED_POSTINGS, JOINED_TIMES * len(last.rows)):
            last = parts.pop().joined(last)
        sizes = np.concatenate([self.sizes, new.sizes[len(self.sizes) :]])
        limits = np.concatenate([self.limits, new.limits[len(self.limits) :]])
        return KmerIndex((*parts, last), *fixed(sizes, limits))

    def save(self, folder: Path) -> None:
        """Write one npy file for each array into a folder; a part that was read from files is linked."""
        for number, part in enumerate(self.parts):
            part.save(folder, _stem(number))
        for name in ROW_ARRAYS:
            with (folder / file_of(STEM, name)).open("wb") as out:
                np.save(out, getattr(self, name), allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> KmerIndex:
        """Map the files of an index into memory; only pages that a query needs are read.

        Raises
        ------
        IndexDamaged
        """
        where = str(folder / "kmers.*.npy")
        try:
            stems = [STEM]
            while (folder / file_of(_stem(len(stems)), PART_ARRAYS[0])).exists():
                stems.append(_stem(len(stems)))
            parts = tuple(KmerPart.load(folder, stem) for stem in stems)
            loaded = cls(parts, *fixed(*(mapped(folder / file_of(STEM, name)) for name in ROW_ARRAYS)))
        except (OSError, ValueError, EOFError) as error:
            raise IndexDamaged(where, f"cannot be read ({error})") from error
        if not loaded._fits():
            raise IndexDamaged(where, "do not belong together")
        return loaded

    def _fits(self) -> bool:
        """Whether the arrays have the lengths that belong together, and no part is missing."""
        postings = sum(len(part.rows) for part in self.parts)
        return (
            all(part.fits for part in self.parts)
            and self.sizes.shape == (len(self.limits), 2)
            and int(self.sizes[:, 0].sum(dtype=np.int64)) == postings
        )

    def shared(self, hashes: Hashes) -> tuple[Rows, Counts]:
        """The rows that share k-mers with a query of any density, ascending, and how many each: (S,), (S,).

        A piece of a genome of 1,000 hashes takes microseconds, and may be asked for by hundreds.
        """
        tally = self.counts(hashes)
        rows = np.flatnonzero(tally)
        return rows, tally[rows]

    def counts(self, hashes: Hashes) -> Counts:
        """The number of a query's k-mers that each row has: (N,)."""
        tally = np.zeros(len(self.limits), np.int32)
        for part in self.parts:
            part.count(hashes, tally)
        return tally

    def most_shared(self, hashes: Hashes, limit: int, k: int, live: Flags) -> Sharers:
        """The k live rows that have the largest share of a query's k-mers; see `best`."""
        return self.best(self.counts(hashes), hashes, limit, k, live)

    def best(self, counts: Counts, hashes: Hashes, limit: int, k: int, live: Flags) -> Sharers:
        """The k live rows that have the largest share of a query's k-mers; fewer where fewer share any.

        Parameters
        ----------
        counts : (N,) k-mers that each row has of the query's `hashes`
        limit : the limit below which the query's hashes were sampled; sketches of two densities are compared
            at the coarser one
        live : (N,) rows that may be found

        Of equal shares the larger containment is first. A single k-mer shared with a sketch more than
        MUCH_LARGER times as large is chance, and does not count.
        """
        best = Sharers(np.full(k, -1, np.int64), np.zeros(k, np.int32), np.zeros(k, np.float32))
        found = _most(counts, self.sizes, self.limits, hashes, np.uint64(limit), live, *best, np.zeros(k))
        return Sharers(best.rows[:found], best.shared[:found], best.containment[:found])


ROW_ARRAYS = ("sizes", "limits")
FILES = frozenset(file_of(STEM, name) for name in (*PART_ARRAYS, *ROW_ARRAYS))
"""Files of a snapshot that has an index of its k-mers; it may have those of further parts."""


def kmer_files(names: Iterable[str]) -> list[str]:
    """Those files of a snapshot that are of its index of k-mers."""
    return [name for name in names if name.startswith(f"{STEM}.")]


def _stem(number: int) -> str:
    return f"{STEM}.{number}" if number else STEM


def _sketches(references: References, rows: Rows, threads: int) -> list[Hashes]:
    starts = range(0, len(rows), READ_GENOMES)

    def read(number: int) -> list[Hashes]:
        block = rows[starts[number] : starts[number] + READ_GENOMES]
        return [references.hashes(row) for row in block.tolist()]

    sketches = [sketch for block in in_threads(read, len(starts), threads) for sketch in block]
    references.let_go()
    return sketches


def _most_plainly(
    tally: Counts, sizes: Counts, limits: Hashes, query: Hashes, limit: np.uint64, live: Flags,
    out_rows: Rows, out_shared: Counts, out_containment: Floats, share: npt.NDArray[np.float64],
) -> int:  # fmt: skip
    """The same by sorting all rows that share any."""
    rows = np.flatnonzero((tally > 0) & live)
    coarser = np.minimum(limit, limits[rows])
    mine = np.maximum(1, np.searchsorted(query, coarser))
    its = np.where(coarser == limits[rows], sizes[rows, 0], sizes[rows, 1])
    smaller, larger = np.minimum(mine, its), np.maximum(mine, its)
    counted = (tally[rows] > 1) | (larger <= MUCH_LARGER * smaller)
    containment = (tally[rows] / np.maximum(1, smaller)).astype(np.float32)
    own = tally[rows] / mine
    order = np.lexsort((-containment, -own))
    order = order[counted[order]][: len(share)]
    found = len(order)
    out_rows[:found], out_shared[:found] = rows[order], tally[rows[order]]
    out_containment[:found], share[:found] = containment[order], own[order]
    return found


@kernel_with(_most_plainly)
def _most(
    tally: Counts, sizes: Counts, limits: Hashes, query: Hashes, limit: np.uint64, live: Flags,
    out_rows: Rows, out_shared: Counts, out_containment: Floats, share: npt.NDArray[np.float64],
) -> int:  # fmt: skip
    """Fill the rows with the largest share of the query's hashes; returns how many there are."""
    found, last, mine = 0, np.uint64(0), 1
    for row in range(tally.size):
        if tally[row] == 0 or not live[row]:
            continue
        coarser = min(limit, limits[row])
        if coarser != last:
            last, mine = coarser, max(1, np.searchsorted(query, coarser))
        its = sizes[row, 0] if coarser == limits[row] else sizes[row, 1]
        smaller, larger = min(mine, its), max(mine, its)
        if tally[row] == 1 and larger > MUCH_LARGER * smaller:
            continue
        containment = np.float32(tally[row] / max(1, smaller))
        own = tally[row] / mine
        slot = min(found, share.size)
        while slot > 0 and (own, containment) > (share[slot - 1], out_containment[slot - 1]):
            slot -= 1
        if slot < share.size:
            found = min(found + 1, share.size)
            for to in range(found - 1, slot, -1):
                out_rows[to], out_shared[to] = out_rows[to - 1], out_shared[to - 1]
                out_containment[to], share[to] = out_containment[to - 1], share[to - 1]
            out_rows[slot], out_shared[slot] = row, tally[row]
            out_containment[slot], share[slot] = containment, own
    return found
