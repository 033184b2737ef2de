"""Vectors on disk, in files that are written once: those of new genomes are a file of their own.

    vectors.npy, vectors.1.npy ...   float32, (n, d) each; memory-mapped

A file is joined with the one before if that is not much larger, so that there are few of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genome_index.errors import IndexDamaged
from genome_index.io.atomic import link_or_copy

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

STEM = "vectors"
ROWS = f"{STEM}.npy"  # of the first file
JOINED_ROWS = 10_000  # a file up to this size, 10 MB, is always joined with a new one
JOINED_TIMES = 4  # so is one that is not this many times larger than the new one
BLOCK_ROWS = 1 << 16  # read together


class VectorRows:
    """Rows of N vectors, in parts."""

    def __init__(self, parts: list[Floats], folder: Path | None = None) -> None:
        self._parts = parts
        self._origins = [folder and folder / file_of(number) for number in range(len(parts))]

    @classmethod
    def load(cls, folder: Path) -> VectorRows:
        """Raise IndexDamaged if a file cannot be read."""
        parts: list[Floats] = []
        while not parts or (folder / file_of(len(parts))).exists():
            path = folder / file_of(len(parts))
            try:
                parts.append(np.load(path, mmap_mode="r", allow_pickle=False))
            except (OSError, ValueError, EOFError) as error:
                raise IndexDamaged(str(path), f"cannot be read ({error})") from error
        return cls(parts, folder)

    def save(self, folder: Path) -> None:
        """Write the files into a folder; those that were read from files are linked."""
        for number, (part, origin) in enumerate(zip(self._parts, self._origins, strict=True)):
            path = folder / file_of(number)
            if origin is not None:
                link_or_copy(origin, path)
            else:
                _write(part, path)

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    def add(self, vectors: Floats) -> None:
        """Add rows after those that there are."""
        while self._parts and len(self._parts[-1]) <= max(JOINED_ROWS, JOINED_TIMES * len(vectors)):
            vectors = np.concatenate([self._parts.pop(), vectors])
            self._origins.pop()
        self._parts.append(vectors)
        self._origins.append(None)

    def all(self) -> Floats:
        """Every vector, (N, d): the memory map itself where there is one file."""
        return self._parts[0] if len(self._parts) == 1 else np.concatenate(self._parts)

    def take(self, rows: Rows) -> Floats:
        """The vectors of some rows: (n,) -> (n, d)."""
        taken = np.empty((len(rows), self._parts[0].shape[1]), np.float32)
        start = 0
        for part in self._parts:
            own = np.flatnonzero((rows >= start) & (rows < start + len(part)))
            own = own[np.argsort(rows[own], kind="stable")]  # a disk reads in order faster
            taken[own] = part[rows[own] - start]
            start += len(part)
        return taken

    def blocks(self, first: int = 0) -> Iterator[Floats]:
        """The vectors from a row on, a block in memory at a time."""
        start = 0
        for part in self._parts:
            for at in range(max(0, first - start), len(part), BLOCK_ROWS):
                yield np.ascontiguousarray(part[at : at + BLOCK_ROWS], np.float32)
            start += len(part)


def file_of(number: int) -> str:
    """The file of a part.

    >>> file_of(0), file_of(1)
    ('vectors.npy', 'vectors.1.npy')
    """
    return f"{STEM}.{number}.npy" if number else ROWS


def is_vector_rows(name: str) -> bool:
    """Whether a file of a snapshot holds rows of vectors."""
    return name.startswith(f"{STEM}.") and name.endswith(".npy")


def _write(vectors: Floats, path: Path) -> None:
    """Write a npy file in blocks: a memory map that is written to says nothing of a full disk."""
    header = {"descr": "<f4", "fortran_order": False, "shape": vectors.shape}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for block in VectorRows([vectors]).blocks():
            file.write(block.data)
