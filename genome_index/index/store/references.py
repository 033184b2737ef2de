"""The genomes of an index as the other rooms see them: by row, whatever segment they lie in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from genome_index.encoders import Encoder, encoder_of
from genome_index.index.store.catalog import Catalog
from genome_index.index.store.segments import Segment
from genome_index.index.store.skani import Candidate
from genome_index.index.store.sketches import contigs_of, unpack
from genome_index.records import Entry, Genome
from genome_index.spec import IndexSpec

OPEN_SEGMENTS = 128  # of up to six files: a process may usually have 1,024 open
Locate = Callable[[int], tuple[str, int, int, str, str]]  # row -> segment, row in it, bp, id, sha256


class References:
    """Access to what is kept of each reference; `staged` holds bases that go when a build is done."""

    def __init__(
        self,
        spec: IndexSpec,
        locate: Locate,
        segments: Path,
        staged: Path | None = None,
    ) -> None:
        self.spec = spec
        self._locate, self._where = locate, segments.parent
        self._segment = lru_cache(maxsize=OPEN_SEGMENTS)(lambda name: Segment(segments / name))
        self._staged = lru_cache(maxsize=None)(lambda name: _segment_in(staged, name))

    @cached_property
    def encoder(self) -> Encoder:
        return encoder_of(self.spec, str(self._where))

    def raw(self, rows: Sequence[int] | npt.NDArray[np.int64]) -> list[npt.NDArray[Any]]:
        """What the encoder gave of some genomes, as it gave it: (n,) -> n arrays."""
        return [self._decode(int(row)) for row in rows]

    def features(self, rows: Sequence[int] | npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        return self.encoder.features(self.raw(rows))

    def share_read(self, rows: Sequence[int]) -> float:
        """What share of these genomes the encoder has read, by length; 1 unless it samples windows."""
        if self.spec.reading is None or not self.spec.reading.windows or not rows:
            return 1.0
        shares = [float(self.encoder.shares(self.raw([row]))[0]) for row in rows]
        self.let_go()
        return float(np.average(shares, weights=[self.length_bp(row) for row in rows]))

    def hashes(self, row: int) -> npt.NDArray[np.uint64]:
        return np.frombuffer(self._blob("hashes", row), np.uint64)

    def limit(self, row: int) -> int:
        """Hashes of this genome were kept below this."""
        return 2**64 // (self.spec.small_scaled if self.is_small(row) else self.spec.large_scaled)

    def length_bp(self, row: int) -> int:
        return self._locate(row)[2]

    def is_small(self, row: int) -> bool:
        return self.length_bp(row) <= self.spec.small_bp

    def candidate(self, row: int) -> Candidate:
        """What skani compares a query with."""
        skani = self._blob("skani", row)
        return (
            Candidate(skani, self._locate(row)[4][:24]) if skani else Candidate(self._blob("bases", row), "")
        )

    def windows(self, row: int) -> bytes:
        """The genome's spectrum window by window, for `portraits.decode_windows`."""
        return self._blob("windows", row)

    def course(self, row: int) -> bytes:
        """The genome's bases piece by piece, for `portraits.decode_course`."""
        return self._blob("course", row)

    def genome(self, row: int) -> Genome | None:
        """The genome itself, where its bases are kept or still staged; else None."""
        segment, at, _, genome_id, _ = self._locate(row)
        bases = self._blob("bases", row)
        if not bases and (staged := self._staged(segment)) is not None:
            bases = staged.blob("bases", at)
        return Genome(genome_id, contigs_of(unpack(bases)), genome_id) if bases else None

    def let_go(self) -> None:
        """Unmap the segments read so far; they are mapped again when asked for."""
        self._segment.cache_clear()

    def _blob(self, kind: str, row: int) -> bytes:
        segment, at, *_ = self._locate(row)
        return self._segment(segment).blob(kind, at)

    def _decode(self, row: int) -> npt.NDArray[Any]:
        return decode_raw(self._blob("raw", row))


def _segment_in(folder: Path | None, name: str) -> Segment | None:
    return Segment(folder / name) if folder is not None and (folder / name).is_dir() else None


def encode_raw(row: npt.NDArray[Any]) -> bytes:
    """An array as it is kept: type and columns, then zstd; most of a small genome's counts are zero."""
    import zstandard

    if row.dtype == np.uint16 and row.max(initial=0) < 256:
        row = row.astype(np.uint8)
    columns = "" if row.ndim == 1 else f" {row.shape[1]}"
    return f"{row.dtype.str}{columns}\0".encode() + zstandard.compress(row.tobytes(), 1)


def decode_raw(blob: bytes) -> npt.NDArray[Any]:
    """The array again."""
    import zstandard

    head, packed = blob.split(b"\0", 1)
    kind, *columns = head.decode().split()
    values = np.frombuffer(zstandard.decompress(packed), np.dtype(kind))
    return values.reshape(-1, int(columns[0])) if columns else values


def locator(entries: Sequence[Entry] | Mapping[int, Entry] | Catalog) -> Locate:
    """`References`' way to find a row, from whatever gives the entry of a row."""

    def locate(row: int) -> tuple[str, int, int, str, str]:
        entry = entries[row]
        return entry.segment, entry.segment_row, entry.length_bp, entry.id, entry.sha256

    return locate
