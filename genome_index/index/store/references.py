"""References: what an index stores of each genome, by row, in whatever segment it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zstandard

from genome_index.encoders import Encoder, encoder_of
from genome_index.index.store.catalog import Catalog
from genome_index.index.store.segments import Segment
from genome_index.index.store.skani import Candidate
from genome_index.index.store.sketches import contigs_of, unpack
from genome_index.records import Entry, Genome
from genome_index.spec import IndexSpec

OPEN_SEGMENTS = 128  # of up to six files each; a process may usually have 1,024 open
SKANI_LEVEL = 3  # 19 saves 3 points more, and takes 0.8 s a genome in place of 1 ms
Locate = Callable[[int], tuple[str, int, int, str, str]]  # row -> segment, row in it, bp, id, sha256


class References:
    """Blobs of the genomes of an index, decoded.

    Parameters
    ----------
    locate : callable
        Where a row is; see `locator`.
    segments : Path
        The folder of segments.
    staged : Path, optional
        The folder with the bases of all genomes of an unfinished change; they are removed when it ends.
    """

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
        """The encoder's output for some genomes, before pooling: (n,) -> n arrays."""
        return [self._decode(int(row)) for row in rows]

    def features(self, rows: Sequence[int] | npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """The encoder's features of some genomes: (n,) -> (n, D)."""
        return self.encoder.features(self.raw(rows))

    def share_read(self, rows: Sequence[int]) -> float:
        """The share of these genomes' bases that the encoder has read; 1 unless it samples windows."""
        if self.spec.reading is None or not self.spec.reading.windows or not rows:
            return 1.0
        shares = [float(self.encoder.shares(self.raw([row]))[0]) for row in rows]
        self.let_go()
        return float(np.average(shares, weights=[self.length_bp(row) for row in rows]))

    def hashes(self, row: int) -> npt.NDArray[np.uint64]:
        """The genome's sampled k-mer hashes, sorted: (H,)."""
        return np.frombuffer(self._blob("hashes", row), np.uint64)

    def limit(self, row: int) -> int:
        """The limit below which hashes of this genome were sampled."""
        return 2**64 // (self.spec.small_scaled if self.is_small(row) else self.spec.large_scaled)

    def length_bp(self, row: int) -> int:
        return self._locate(row)[2]

    def sha256(self, row: int) -> str:
        """See `Genome.sha256`."""
        return self._locate(row)[4]

    def is_small(self, row: int) -> bool:
        return self.length_bp(row) <= self.spec.small_bp

    def candidate(self, row: int) -> Candidate:
        """The genome as skani compares it with a query."""
        skani = decode_skani(self._blob("skani", row))
        return (
            Candidate(skani, self._locate(row)[4][:24]) if skani else Candidate(self._blob("bases", row), "")
        )

    def windows(self, row: int) -> bytes:
        """The blob for `composition.decode_windows`."""
        return self._blob("windows", row)

    def course(self, row: int) -> bytes:
        """The blob for `composition.decode_course`."""
        return self._blob("course", row)

    def genome(self, row: int) -> Genome | None:
        """The genome itself, where its bases are stored or staged; else None."""
        segment, at, _, genome_id, _ = self._locate(row)
        bases = self._blob("bases", row)
        if not bases and (staged := self._staged(segment)) is not None:
            bases = staged.blob("bases", at)
        return Genome(genome_id, contigs_of(unpack(bases)), genome_id) if bases else None

    def let_go(self) -> None:
        """Unmap the segments read so far; they are mapped again when needed."""
        self._segment.cache_clear()

    def _blob(self, kind: str, row: int) -> bytes:
        segment, at, *_ = self._locate(row)
        return self._segment(segment).blob(kind, at)

    def _decode(self, row: int) -> npt.NDArray[Any]:
        return decode_raw(self._blob("raw", row))


def _segment_in(folder: Path | None, name: str) -> Segment | None:
    return Segment(folder / name) if folder is not None and (folder / name).is_dir() else None


def encode_raw(row: npt.NDArray[Any]) -> bytes:
    """An array as a blob: type and columns, then zstd, because most counts of a small genome are zero."""
    if row.dtype == np.uint16 and row.max(initial=0) < 256:
        row = row.astype(np.uint8)
    columns = "" if row.ndim == 1 else f" {row.shape[1]}"
    return f"{row.dtype.str}{columns}\0".encode() + zstandard.compress(row.tobytes(), 1)


def decode_raw(blob: bytes) -> npt.NDArray[Any]:
    """The array of a blob that `encode_raw` made."""
    head, packed = blob.split(b"\0", 1)
    kind, *columns = head.decode().split()
    values = np.frombuffer(zstandard.decompress(packed), np.dtype(kind))
    return values.reshape(-1, int(columns[0])) if columns else values


def encode_skani(sketch: bytes) -> bytes:
    """A sketch as a blob: zstd keeps 67 % of it, and unpacks it in 0.3 ms; empty stays empty."""
    return zstandard.compress(sketch, SKANI_LEVEL) if sketch else b""


def decode_skani(blob: bytes) -> bytes:
    """The sketch of a blob; that of an older gindex is the sketch itself, and begins with its compression."""
    return zstandard.decompress(blob) if blob.startswith(zstandard.FRAME_HEADER) else blob


def locator(entries: Sequence[Entry] | Mapping[int, Entry] | Catalog) -> Locate:
    """A function row -> segment, row in it, bp, id, sha256; from anything that gives the entry of a row."""

    def locate(row: int) -> tuple[str, int, int, str, str]:
        entry = entries[row]
        return entry.segment, entry.segment_row, entry.length_bp, entry.id, entry.sha256

    return locate
