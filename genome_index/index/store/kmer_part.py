"""A part of an inverted index of k-mers: hash -> the rows of some genomes that have it.

Its arrays are written once and never change, so that snapshots share their files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from genome_index.index.parallel import in_threads
from genome_index.io.atomic import link_or_copy
from genome_index.io.kernels.kernel import kernel_with

Hashes = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int32]
Places = npt.NDArray[Any]  # uint32, or int64 from 4 billion postings on

SORTED_HASHES = 4_000_000  # at a time, so that memory stays near the size of the result
BIN_HASHES = 8  # a cache line of a processor


@dataclass(frozen=True)
class KmerPart:
    """The rows that have each hash; a genome's hashes are all in one part."""

    hashes: Hashes  # (U,) distinct, sorted
    starts: Places  # (U + 1,) where the rows of each hash begin
    rows: Counts  # (P,) ascending within a hash
    bins: Places  # (B + 1,) where the hashes begin whose first bits are 0, 1 ..., and where they end
    origin: tuple[Path, str] | None = field(default=None, compare=False, kw_only=True)  # see `load`

    @classmethod
    def of_sketches(cls, sketches: Sequence[Hashes], rows: Rows, threads: int = 1) -> KmerPart:
        """The part of sketches: n times (H,), and the row of each, ascending: (n,)."""
        hashes, starts, postings = _inverted(list(sketches), rows, threads)
        return cls(*fixed(hashes, starts, postings, _bins(hashes, starts.dtype)))

    def joined(self, other: KmerPart) -> KmerPart:
        """The part with another one, whose rows come after all that it has."""
        at = np.searchsorted(self.hashes, other.hashes)
        known = (
            self.hashes[np.minimum(at, len(self.hashes) - 1)] == other.hashes if len(self.hashes) else at < 0
        )
        counts, more = np.diff(self.starts).astype(np.int64), np.diff(other.starts).astype(np.int64)
        ends = self.starts[at + known].astype(np.int64)
        postings = np.insert(self.rows, np.repeat(ends, more), other.rows)
        counts[at[known]] += more[known]
        starts = _starts(np.insert(counts, at[~known], more[~known]))
        hashes = np.insert(self.hashes, at[~known], other.hashes[~known])
        return KmerPart(*fixed(hashes, starts, postings, _bins(hashes, starts.dtype)))

    def count(self, hashes: Hashes, tally: Counts) -> None:
        """Add to the tally of each row, (N,), the hashes of a query that it has."""
        shift = _shift(self.hashes, (len(self.bins) - 1).bit_length() - 1)
        _count(hashes, self.hashes, self.starts, self.rows, self.bins, shift, tally)

    def save(self, folder: Path, stem: str) -> None:
        """Write a npy file for each array; files that the arrays were read from are linked."""
        for name in PART_ARRAYS:
            file = folder / file_of(stem, name)
            if self.origin is not None:
                link_or_copy(self.origin[0] / file_of(self.origin[1], name), file)
            else:
                with file.open("wb") as out:
                    np.save(out, getattr(self, name), allow_pickle=False)

    @classmethod
    def load(cls, folder: Path, stem: str) -> KmerPart:
        """Map the files of a part into memory; raises OSError, ValueError or EOFError."""
        arrays = (mapped(folder / file_of(stem, name)) for name in PART_ARRAYS)
        return cls(*fixed(*arrays), origin=(folder, stem))

    @property
    def fits(self) -> bool:
        """Whether the arrays have the lengths that belong together."""
        return (
            len(self.starts) == len(self.hashes) + 1
            and int(self.starts[-1]) == len(self.rows)
            and int(self.bins[-1]) == len(self.hashes)
        )


PART_ARRAYS = tuple(each.name for each in fields(KmerPart) if each.name != "origin")


def file_of(stem: str, name: str) -> str:
    """The file of an array of a part.

    >>> file_of("kmers", "hashes"), file_of("kmers.1", "hashes")
    ('kmers.hashes.npy', 'kmers.1.hashes.npy')
    """
    return f"{stem}.{name}.npy"


def _inverted(sketches: list[Hashes], rows: Rows, threads: int) -> tuple[Hashes, Places, Counts]:
    """Hashes, starts and rows, part by part of the range of hashes."""
    postings = sum(map(len, sketches))
    cuts = _cuts(sketches, max(1, -(-postings // SORTED_HASHES)))

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


def fixed(*arrays: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
    """Arrays that cannot be written to, as those of a file, so that one compiled function serves both."""
    fixed = [np.ascontiguousarray(array).view() for array in arrays]
    for array in fixed:
        array.flags.writeable = False
    return fixed


def mapped(path: Path) -> npt.NDArray[Any]:
    """A npy file in memory as far as it is used; an empty one cannot be mapped."""
    if path.stat().st_size <= EMPTY_NPY:
        return np.asarray(np.load(path, allow_pickle=False))
    return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))


EMPTY_NPY = 128  # bytes: the head of a file without content


# -- counting ----------------------------------------------------------------------------------------------


def _count_plainly(
    query: Hashes, hashes: Hashes, starts: Places, rows: Counts, bins: Places, shift: np.uint64, tally: Counts
) -> None:  # fmt: skip
    """The same by a search among all hashes, without their bins."""
    at = np.searchsorted(hashes, query)
    inside = at < len(hashes)
    at = at[inside][hashes[at[inside]] == query[inside]]
    ends = np.minimum(starts[at + 1].astype(np.int64), len(rows))
    begins = np.minimum(starts[at].astype(np.int64), ends)
    lengths = ends - begins
    places = np.repeat(begins - (np.cumsum(lengths) - lengths), lengths) + np.arange(lengths.sum())
    found = rows[places]
    np.add.at(tally, found[(found >= 0) & (found < len(tally))], 1)


@kernel_with(_count_plainly)
def _count(
    query: Hashes, hashes: Hashes, starts: Places, rows: Counts, bins: Places, shift: np.uint64, tally: Counts
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
