"""The vectors of a large index: codes in memory find candidates, the vectors on disk re-score them exactly.

    vectors.faiss    inverted lists of RaBitQ codes, some 52 bytes a vector of 256 dimensions; in memory
    vectors.*.npy    the vectors; memory-mapped, and read for the candidates of a query alone

RaBitQ: Gao and Long 2024, arXiv 2405.12497. A query reads the lists nearest to it, takes many more candidates
than asked for by their codes, and sorts those by the cosine of the vectors themselves. New vectors have no
codes until they are many: all of them are compared, and the file of the codes stays as it is.
"""

from __future__ import annotations

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
from genome_index.index.vectors.vector_rows import VectorRows
from genome_index.io.atomic import link_or_copy

LISTS_READ = 64  # of a query; recall by number: tests/bench/RESULTS.md
WIDER = 10  # candidates by codes, times the neighbours asked for
TRAINING_ROWS = 64  # of a list; FAISS's own limit of 256 takes four times as long and finds no better lists
MOST_UNCODED = 20_000  # new vectors that are all compared with a query, in 1 ms

Live = npt.NDArray[np.bool_] | None


class QuantisedVectors:
    """Vectors of length 1, whose codes FAISS searches. The row of a removed genome is filtered."""

    def __init__(self, codes: faiss.Index, rows: VectorRows, origin: Path | None = None) -> None:
        self._codes, self._rows = codes, rows
        self._origin = origin  # the file of these codes
        self._new: Floats | None = None  # the vectors without codes, once they are asked for
        self._bits: tuple[Live, npt.NDArray[np.uint8] | None] = (None, None)  # the last `live`, packed
        lists = faiss.extract_index_ivf(codes)
        lists.nprobe = min(LISTS_READ, lists.nlist)

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
            wanted = TRAINING_ROWS * faiss.extract_index_ivf(codes).nlist
            rows = np.linspace(0, len(vectors) - 1, min(len(vectors), wanted)).astype(np.int64)
            codes.train(np.ascontiguousarray(vectors[rows]))
            built = cls(codes, VectorRows([vectors]))
            built._code()
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
        rows, codes = VectorRows.load(folder), read_faiss(folder / FILE)
        if not len(rows) - MOST_UNCODED <= codes.ntotal <= len(rows):
            raise IndexDamaged(
                str(folder / FILE), f"codes of {codes.ntotal:,} vectors, but vectors.*.npy have {len(rows):,}"
            )
        return cls(codes, rows, folder / FILE)

    def save(self, folder: Path) -> None:
        """Write the files into a folder; those that have not changed are linked."""
        if self._origin is not None:
            link_or_copy(self._origin, folder / FILE)
        else:
            write_faiss(self._codes, folder / FILE)
        self._rows.save(folder)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def dim(self) -> int:
        return int(self._codes.d)

    def add(self, vectors: Floats) -> None:
        self._rows.add(vectors)
        self._new = None
        if len(self._rows) - self._codes.ntotal > MOST_UNCODED:
            self._code()

    def _code(self) -> None:
        """Make codes of the vectors that have none."""
        for block in self._rows.blocks(self._codes.ntotal):
            self._codes.add(block)
        self._origin, self._new = None, None

    def rows(self) -> Floats:
        """Every vector, (N, d)."""
        return self._rows.all()

    def take(self, rows: Rows) -> Floats:
        """The vectors of some rows: (n,) -> (n, d)."""
        return self._rows.take(rows)

    def search(self, queries: Floats, k: int, live: Live = None) -> Neighbours:
        """The k nearest live rows: (Q, d) -> (Q, k) similarity and rows, nearest first; row -1 fills up."""
        k = min(k, len(self))
        if not k or not len(queries):
            return np.zeros((len(queries), 0), np.float32), np.zeros((len(queries), 0), np.int64)
        wide = min(self._codes.ntotal, WIDER * k)
        _, coded = self._codes.search(queries, wide, params=self._parameters(live))
        new_rows, new_cosines = self._by_all_new(queries, live)
        similarity = np.full((len(queries), k), -np.inf, np.float32)
        rows = np.full((len(queries), k), -1, np.int64)
        for at, query in enumerate(queries):
            own = coded[at][coded[at] >= 0]
            cosines = np.append(self.take(own) @ query, new_cosines[at])
            order = np.argsort(-cosines, kind="stable")[:k]
            similarity[at, : len(order)], rows[at, : len(order)] = (
                cosines[order],
                np.append(own, new_rows)[order],
            )
        return similarity, rows

    def _by_all_new(self, queries: Floats, live: Live) -> tuple[Rows, Floats]:
        """The live rows without codes, and their cosines to each query: (n,), (Q, n)."""
        rows = np.arange(self._codes.ntotal, len(self))
        if self._new is None:
            self._new = self.take(rows)
        chosen = rows if live is None else rows[live[rows]]
        return chosen, queries @ self._new[chosen - self._codes.ntotal].T

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
