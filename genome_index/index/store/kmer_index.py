"""Inverted index of the sampled k-mers: hash -> the rows of the genomes that have it.

A genome's k-mers are looked up one by one, so that the references which share any are counted without reading
the sketches of the others. Counts are those that a comparison of all pairs of sketches would give.

In this module hashes are sampled k-mer hashes, distinct and sorted: (H,).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from genome_index.errors import IndexDamaged
from genome_index.index.parallel import in_threads
from genome_index.index.store.references import References
from genome_index.index.store.sketches import MUCH_LARGER

Hashes = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[Any]  # uint32, or int64 from 4 billion postings on

PART_HASHES = 4_000_000  # sorted at a time, so that memory stays near the size of the result
READ_GENOMES = 256  # sketches that a thread reads at a time
BIN_HASHES = 8  # a cache line of a processor


class Sharers(NamedTuple):
    """The references that share most k-mers with a query, most first."""

    rows: Rows  # (K,)
    shared: Counts  # (K,) k-mers in common
    containment: Floats  # (K,) share of the smaller of the two sketches, as `sketches.containment` gives it


@dataclass(frozen=True)
class KmerIndex:
    """Hash -> rows. A row without hashes is that of no genome."""

    hashes: Hashes  # (U,) distinct, sorted
    starts: Places  # (U + 1,) where the rows of each hash begin
    rows: Counts  # (P,) ascending within a hash
    sizes: Counts  # (N, 2) hashes of each row at its own density, and at the coarsest of the index
    limits: Hashes  # (N,) the limit below which the row's hashes were sampled
    bins: Places  # (B + 1,) where the hashes begin whose first bits are 0, 1 ..., and where they end
    folder: Path | None = field(
        default=None, compare=False, kw_only=True
    )  # of the files that it was read from

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
        hashes, starts, postings = _inverted(list(sketches), rows, threads)
        return cls(*_fixed(hashes, starts, postings, sizes, limits, _bins(hashes, starts.dtype)))

    def extended(self, references: References, rows: Rows, threads: int = 1) -> KmerIndex:
        """The index with further rows, which come after all that it has: (n,), ascending."""
        new = KmerIndex.build(references, rows, threads)
        at = np.searchsorted(self.hashes, new.hashes)
        known = (
            self.hashes[np.minimum(at, len(self.hashes) - 1)] == new.hashes if len(self.hashes) else at < 0
        )
        counts, more = np.diff(self.starts).astype(np.int64), np.diff(new.starts).astype(np.int64)
        ends = self.starts[at + known].astype(np.int64)
        postings = np.insert(self.rows, np.repeat(ends, more), new.rows)
        counts[at[known]] += more[known]
        starts = _starts(np.insert(counts, at[~known], more[~known]))
        hashes = np.insert(self.hashes, at[~known], new.hashes[~known])
        sizes = np.concatenate([self.sizes, new.sizes[len(self.sizes) :]])
        limits = np.concatenate([self.limits, new.limits[len(self.limits) :]])
        return KmerIndex(*_fixed(hashes, starts, postings, sizes, limits, _bins(hashes, starts.dtype)))

    def save(self, folder: Path) -> None:
        """Write one npy file for each array into a folder.

        An index that was read from files is linked, because those of a snapshot never change.
        """
        if self.folder is not None:
            for file in FILES.values():
                _link(self.folder / file, folder / file)
            return
        for name, file in FILES.items():
            with (folder / file).open("wb") as out:
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
            loaded = cls(*_fixed(*(_mapped(folder / file) for file in FILES.values())), folder=folder)
        except (OSError, ValueError, EOFError) as error:
            raise IndexDamaged(where, f"cannot be read ({error})") from error
        if not loaded._fits():
            raise IndexDamaged(where, "do not belong together")
        return loaded

    def _fits(self) -> bool:
        """Whether the arrays have the lengths that belong together."""
        return (
            len(self.starts) == len(self.hashes) + 1
            and int(self.starts[-1]) == len(self.rows)
            and int(self.bins[-1]) == len(self.hashes)
            and self.sizes.shape == (len(self.limits), 2)
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
        shift = _shift(self.hashes, (len(self.bins) - 1).bit_length() - 1)
        _count(self.hashes, self.starts, self.rows, self.bins, shift, hashes, tally)
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


ARRAYS = tuple(each.name for each in fields(KmerIndex) if each.name != "folder")
FILES = {name: f"kmers.{name}.npy" for name in ARRAYS}  # of a snapshot


# -- building ------------------------------------------------------------------------------------------------


def _sketches(references: References, rows: Rows, threads: int) -> list[Hashes]:
    starts = range(0, len(rows), READ_GENOMES)

    def read(number: int) -> list[Hashes]:
        block = rows[starts[number] : starts[number] + READ_GENOMES]
        return [references.hashes(row) for row in block.tolist()]

    sketches = [sketch for block in in_threads(read, len(starts), threads) for sketch in block]
    references.let_go()
    return sketches


def _inverted(sketches: list[Hashes], rows: Rows, threads: int) -> tuple[Hashes, Places, Counts]:
    """Hashes, starts and rows, part by part of the range of hashes."""
    postings = sum(map(len, sketches))
    cuts = _cuts(sketches, max(1, -(-postings // PART_HASHES)))

    def invert(part: int) -> tuple[Hashes, Counts, Counts]:
        slices = [s[a:b] for s, a, b in zip(sketches, cuts[part], cuts[part + 1], strict=True)]
        return _inverted_part(slices, rows)

    parts = list(in_threads(invert, len(cuts) - 1, threads))
    hashes, counts, owners = (np.concatenate(column) for column in zip(*parts, strict=True))
    return hashes, _starts(counts), owners


def _starts(counts: npt.NDArray[Any]) -> Places:
    """Where the rows of each hash begin, and where the last end."""
    kind = np.uint32 if counts.sum() < 2**32 else np.int64
    starts = np.zeros(len(counts) + 1, kind)
    np.cumsum(counts, out=starts[1:])
    return starts


def _cuts(sketches: list[Hashes], parts: int) -> list[Rows]:
    """Positions in each sketch between which a part lies: parts + 1 times (S,)."""
    sample = np.sort(np.concatenate([np.empty(0, np.uint64), *(sketch[::64] for sketch in sketches)]))
    bounds = sample[np.linspace(0, len(sample), parts + 1)[1:-1].astype(np.int64)]
    inner = np.array([np.searchsorted(sketch, bounds) for sketch in sketches], np.int64)
    inner = inner.reshape(len(sketches), len(bounds))
    ends = np.array([len(sketch) for sketch in sketches], np.int64)
    return [np.zeros_like(ends), *inner.T, ends]


def _inverted_part(sketches: list[Hashes], rows: Rows) -> tuple[Hashes, Counts, Counts]:
    """Distinct hashes, the number of rows of each, and the rows."""
    joined = np.concatenate([np.empty(0, np.uint64), *sketches])
    owners = np.repeat(rows.astype(np.int32), [len(sketch) for sketch in sketches])
    order = np.argsort(joined, kind="stable")
    joined, owners = joined[order], owners[order]
    is_first = np.append(True, joined[1:] != joined[:-1])[: len(joined)]
    firsts = np.flatnonzero(is_first)
    counts = np.diff(np.append(firsts, len(joined))).astype(np.int32)
    return joined[firsts], counts, owners


def _bins(hashes: Hashes, kind: npt.DTypeLike) -> Places:
    """Where the hashes of each bin begin; a bin has BIN_HASHES of them on average."""
    bits = max(1, len(hashes) // BIN_HASHES).bit_length()
    bounds = np.arange(1 << bits, dtype=np.uint64) << _shift(hashes, bits)
    return np.append(np.searchsorted(hashes, bounds), len(hashes)).astype(kind)


def _shift(hashes: Hashes, bits: int) -> np.uint64:
    """The number of last bits of a hash, which do not matter for its bin."""
    length = int(hashes[-1]).bit_length() if len(hashes) else 64
    return np.uint64(max(0, length - bits))


def _fixed(*arrays: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
    """Arrays that cannot be written to, as those of a file, so that one compiled function serves both."""
    fixed = [np.ascontiguousarray(array).view() for array in arrays]
    for array in fixed:
        array.flags.writeable = False
    return fixed


def _link(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it where the file system has one name for each."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _mapped(path: Path) -> npt.NDArray[Any]:
    """A npy file in memory as far as it is used; an empty one cannot be mapped."""
    if path.stat().st_size <= EMPTY_NPY:
        return np.asarray(np.load(path, allow_pickle=False))
    return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))


EMPTY_NPY = 128  # bytes: the head of a file without content


# -- counting ------------------------------------------------------------------------------------------------


@njit(cache=True, nogil=True)
def _count(
    hashes: Hashes, starts: Places, rows: Counts, bins: Places, shift: np.uint64, query: Hashes, tally: Counts
) -> None:  # fmt: skip
    """Add to the tally of each row the hashes of a query that it has.

    The bounds hold in every index that is whole; in a damaged file they keep the search within memory.
    """
    for kmer in query:
        bin_ = np.int64(kmer >> shift)
        if bin_ >= bins.size - 1:
            return
        at, end = np.int64(bins[bin_]), min(np.int64(bins[bin_ + 1]), hashes.size)
        at += np.searchsorted(hashes[at:end], kmer)
        if at < end and hashes[at] == kmer:
            for place in range(int(starts[at]), min(int(starts[at + 1]), rows.size)):
                row = rows[place]
                if 0 <= row < tally.size:
                    tally[row] += 1


@njit(cache=True, nogil=True)
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
