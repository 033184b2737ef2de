"""The genomes of an index as the other rooms see them: by row, whatever segment they lie in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from genome_index.catalog import Entry
from genome_index.encoders import Encoder, open_encoder
from genome_index.records import Genome
from genome_index.segments import Segment
from genome_index.sketches import contigs_of, decode_hashes, unpack
from genome_index.spec import IndexSpec
from genome_index.verify import Candidate


class References:
    """Access to what is kept of each reference; `staged` holds bases that go when a build is done."""

    def __init__(
        self,
        spec: IndexSpec,
        locate: Callable[[int], tuple[str, int, int, str, str]],
        segments: Path,
        staged: Path | None = None,
    ) -> None:
        self.spec = spec
        self._locate = locate  # row -> segment, row in it, length in bp, id, sha256
        self._segment = lru_cache(maxsize=None)(lambda name: Segment(segments / name))
        self._staged = lru_cache(maxsize=None)(lambda name: Segment(staged / name)) if staged else None

    @property
    def encoder(self) -> Encoder:
        return open_encoder(self.spec.encoder)

    def raw(self, rows: Sequence[int] | npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        """Unprojected rows as the encoder gave them: (n,) -> (n, D)."""
        return np.stack([self._decode(int(row)) for row in rows])

    def features(self, rows: Sequence[int] | npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        return self.encoder.features(self.raw(rows))

    def hashes(self, row: int) -> npt.NDArray[np.uint64]:
        return decode_hashes(self._blob("hashes", row), self.spec, self._locate(row)[2])

    def limit(self, row: int) -> int:
        """Hashes of this genome were kept below this."""
        return 2**64 // (self.spec.small_scaled if self.is_small(row) else self.spec.large_scaled)

    def is_small(self, row: int) -> bool:
        return self._locate(row)[2] <= self.spec.small_bp

    def candidate(self, row: int) -> Candidate:
        """What skani compares a query with."""
        skani = self._blob("skani", row)
        return (
            Candidate(skani, self._locate(row)[4][:24]) if skani else Candidate(self._blob("bases", row), "")
        )

    def genome(self, row: int) -> Genome | None:
        """The genome itself, where its bases are kept or still staged; else None."""
        segment, at, _, genome_id, _ = self._locate(row)
        bases = self._blob("bases", row)
        if not bases and self._staged is not None:
            bases = self._staged(segment).blob("bases", at)
        return Genome(genome_id, contigs_of(unpack(bases)), genome_id) if bases else None

    def _blob(self, kind: str, row: int) -> bytes:
        segment, at, *_ = self._locate(row)
        return self._segment(segment).blob(kind, at)

    def _decode(self, row: int) -> npt.NDArray[Any]:
        import zstandard

        kind, packed = self._blob("raw", row).split(b"\0", 1)
        return np.frombuffer(zstandard.decompress(packed), np.dtype(kind.decode()))


def encode_raw(row: npt.NDArray[Any]) -> bytes:
    """A row as it is kept: its type, then zstd of its bytes; most of a small genome's counts are zero."""
    import zstandard

    if row.dtype == np.uint16 and row.max(initial=0) < 256:
        row = row.astype(np.uint8)
    return row.dtype.str.encode() + b"\0" + zstandard.compress(row.tobytes(), 1)


def locator(entries: Sequence[Entry]) -> Callable[[int], tuple[str, int, int, str, str]]:
    """`References`' way to find a row, from entries whose row is their position."""
    return lambda row: (
        entries[row].segment,
        entries[row].segment_row,
        entries[row].length_bp,
        entries[row].id,
        entries[row].sha256,
    )
