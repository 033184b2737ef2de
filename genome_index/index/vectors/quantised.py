"""The vectors of a large index: codes in memory find candidates, the vectors on disk re-score them exactly.

    vectors.faiss   inverted lists of RaBitQ codes, some 52 bytes a vector of 256 dimensions; in memory
    vectors.npy     the vectors, float32; memory-mapped, and read only for the candidates of a query

RaBitQ: Gao and Long 2024, arXiv 2405.12497. A query reads the lists nearest to it, takes many more candidates
than asked for by their codes, and sorts those by the cosine of the vectors themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import faiss
import numpy as np
import numpy.typing as npt

from genome_index.errors import IndexDamaged, UsageError
from genome_index.index.vectors.faiss_index import (
    FILE,
    Floats,
    Neighbours,
    Rows,
    last_line,
    read_faiss,
    write_faiss,
)

ROWS = "vectors.npy"
LISTS_READ = 64  # of a query; recall by number: tests/bench/RESULTS.md
WIDER = 10  # candidates by codes, times the neighbours asked for
TRAINING_ROWS = 64  # of a list; FAISS's own limit of 256 takes four times as long and finds no better lists
BLOCK_ROWS = 1 << 16  # read and coded together

Live = npt.NDArray[np.bool_] | None


class QuantisedVectors:
    """Vectors of length 1, whose codes FAISS searches. The row of a removed genome is filtered."""

    def __init__(self, codes: faiss.Index, parts: list[Floats]) -> None:
        self._codes, self._parts = codes, parts
        self._bits: tuple[Live, npt.NDArray[np.uint8] | None] = (None, None)  # the last `live`, packed
        faiss.extract_index_ivf(codes).nprobe = min(LISTS_READ, faiss.extract_index_ivf(codes).nlist)

    @classmethod
    def build(cls, vectors: Floats, factory: str) -> QuantisedVectors:
        """(N, d) rows of length 1, in memory or mapped -> their codes, by an IVF factory of RaBitQ.

        Raises
        ------
        UsageError
            FAISS cannot build it, or cannot hide removed genomes in it.
        """
        try:
            codes = faiss.index_factory(vectors.shape[1], factory, faiss.METRIC_INNER_PRODUCT)
            lists = faiss.extract_index_ivf(codes).nlist
            rows = np.linspace(0, len(vectors) - 1, min(len(vectors), TRAINING_ROWS * lists)).astype(np.int64)
            codes.train(np.ascontiguousarray(vectors[rows]))
            built = cls(codes, [])
            built.add(vectors)
            _, found = built.search(vectors[:1], 1, np.zeros(len(vectors), bool))
        except RuntimeError as error:
            raise UsageError(
                f"FAISS cannot build {factory!r} for {len(vectors)} vectors: {last_line(error)}; "
                "choose another --faiss"
            ) from error
        if (found >= 0).any():
            raise UsageError(f"FAISS does not hide removed genomes in {factory!r}; choose another --faiss")
        return built

    @classmethod
    def load(cls, folder: Path) -> QuantisedVectors:
        """Raise IndexDamaged if the files cannot be read, or are not of the same vectors."""
        try:
            rows: Floats = np.load(folder / ROWS, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise IndexDamaged(str(folder / ROWS), f"cannot be read ({error})") from error
        codes = read_faiss(folder / FILE)
        if (codes.ntotal, codes.d) != rows.shape:
            raise IndexDamaged(
                str(folder / ROWS), f"{rows.shape} values, but codes of {codes.ntotal, codes.d}"
            )
        return cls(codes, [rows])

    def save(self, folder: Path) -> None:
        write_faiss(self._codes, folder / FILE)
        header = {"descr": "<f4", "fortran_order": False, "shape": (len(self), self.dim)}
        with (folder / ROWS).open("wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            for block in self._blocks():
                file.write(block.data)

    def __len__(self) -> int:
        return int(self._codes.ntotal)

    @property
    def dim(self) -> int:
        return int(self._codes.d)

    def add(self, vectors: Floats) -> None:
        self._parts.append(vectors)
        for block in _blocks_of(vectors):
            self._codes.add(block)

    def rows(self) -> Floats:
        """Every vector, (N, d): the memory map itself, unless vectors were added to it."""
        return self._parts[0] if len(self._parts) == 1 else np.concatenate(self._parts)

    def take(self, rows: Rows) -> Floats:
        """The vectors of some rows: (n,) -> (n, d)."""
        taken = np.empty((len(rows), self.dim), np.float32)
        start = 0
        for part in self._parts:
            own = np.flatnonzero((rows >= start) & (rows < start + len(part)))
            own = own[np.argsort(rows[own], kind="stable")]  # a disk reads in order faster
            taken[own] = part[rows[own] - start]
            start += len(part)
        return taken

    def search(self, queries: Floats, k: int, live: Live = None) -> Neighbours:
        """The k nearest live rows: (Q, d) -> (Q, k) similarity and rows, nearest first; row -1 fills up."""
        k = min(k, len(self))
        if not k or not len(queries):
            return np.zeros((len(queries), 0), np.float32), np.zeros((len(queries), 0), np.int64)
        wide = min(len(self), max(WIDER * k, WIDER))
        _, candidates = self._codes.search(queries, wide, params=self._parameters(live))
        best = [
            self._nearest(query, rows[rows >= 0], k) for query, rows in zip(queries, candidates, strict=True)
        ]
        return np.stack([similarity for similarity, _ in best]), np.stack([rows for _, rows in best])

    def _nearest(self, query: Floats, rows: Rows, k: int) -> Neighbours:
        """The k nearest of some rows, by their vectors."""
        similarity, nearest = np.full(k, -np.inf, np.float32), np.full(k, -1, np.int64)
        cosines = self.take(rows) @ query
        order = np.argsort(-cosines, kind="stable")[:k]
        similarity[: len(order)], nearest[: len(order)] = cosines[order], rows[order]
        return similarity, nearest

    def _parameters(self, live: Live) -> faiss.SearchParameters | None:
        """How FAISS leaves out removed rows."""
        bits = self._packed(live)
        if live is None or bits is None:
            return None
        untyped: Any = faiss  # FAISS's types lack the keywords
        selector = untyped.IDSelectorBitmap(len(live), faiss.swig_ptr(bits))
        lists = faiss.extract_index_ivf(self._codes).nprobe
        return cast(faiss.SearchParameters, untyped.SearchParametersIVF(sel=selector, nprobe=lists))

    def _packed(self, live: Live) -> npt.NDArray[np.uint8] | None:
        """One bit a row, packed once for an array and not for each query; None if every row is live."""
        known, bits = self._bits
        if live is not known:
            bits = None if live is None or live.all() else np.packbits(live, bitorder="little")
            self._bits = (live, bits)
        return bits

    def _blocks(self) -> Iterator[Floats]:
        for part in self._parts:
            yield from _blocks_of(part)


def _blocks_of(vectors: Floats) -> Iterator[Floats]:
    for start in range(0, len(vectors), BLOCK_ROWS):
        yield np.ascontiguousarray(vectors[start : start + BLOCK_ROWS], np.float32)
