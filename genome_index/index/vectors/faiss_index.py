"""The vectors of an index in FAISS: rows of length 1, similarity is the cosine, higher is nearer."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import faiss
import numpy as np
import numpy.typing as npt

from genome_index.errors import IndexDamaged, UsageError
from genome_index.index.vectors.faiss_gpu import MOST_NEIGHBOURS, gpu

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
Neighbours = tuple[Floats, Rows]  # similarity and rows

FILE = "vectors.faiss"
GRAPH_EF = 256  # candidates in a search of the graph; recall@50 is 0.95 and more, tests/bench/RESULTS.md
WRITE_BYTES = 1 << 20  # written to a file at a time


class Vectors:
    """A FAISS index over vectors of length 1.

    Row numbers are positions; the row of a removed genome is filtered, other rows do not move.
    """

    def __init__(self, index: faiss.Index) -> None:
        self._index = index
        self._on_gpu: faiss.Index | None = None

    @classmethod
    def build(cls, vectors: Floats, factory: str) -> Vectors:
        """(N, d) rows of length 1 -> an index of the given kind."""
        try:
            index = faiss.index_factory(vectors.shape[1], factory, faiss.METRIC_INNER_PRODUCT)
            if not index.is_trained:
                index.train(vectors)
            index.add(vectors)
        except RuntimeError as error:
            raise UsageError(
                f"FAISS cannot build {factory!r} for {len(vectors)} vectors: {last_line(error)}; "
                "choose another --faiss"
            ) from error
        _set_effort(index)
        built = cls(index)
        built._require_removals(vectors[:1], factory)
        return built

    def _require_removals(self, query: Floats, factory: str) -> None:
        """Raise UsageError if this kind cannot filter rows or return vectors, as later changes require."""
        try:
            _, rows = self.search(query, 1, np.zeros(len(self), bool))
            self._index.reconstruct_n(0, 1)
        except RuntimeError as error:
            raise UsageError(
                f"FAISS cannot hide removed genomes in {factory!r}: {last_line(error)}; "
                "choose another --faiss"
            ) from error
        if (rows >= 0).any():
            raise UsageError(f"FAISS does not hide removed genomes in {factory!r}; choose another --faiss")

    @classmethod
    def load(cls, folder: Path) -> Vectors:
        index = read_faiss(folder / FILE)
        _set_effort(index)
        return cls(index)

    def save(self, folder: Path) -> None:
        write_faiss(self._index, folder / FILE)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def dim(self) -> int:
        return int(self._index.d)

    def add(self, vectors: Floats) -> None:
        self._index.add(vectors)
        self._on_gpu = None

    def rows(self) -> Floats:
        """Every vector as it is stored, of a compressing factory the decompressed one: (N, d)."""
        if not len(self):
            return np.empty((0, self.dim), np.float32)
        if isinstance(self._index, faiss.IndexIVF):
            self._index.make_direct_map()
        vectors: Floats = self._index.reconstruct_n(0, len(self))
        return vectors

    def take(self, rows: Rows) -> Floats:
        """The vectors of some rows, as they are stored: (n,) -> (n, d)."""
        if isinstance(self._index, faiss.IndexIVF):
            self._index.make_direct_map()
        vectors: Floats = self._index.reconstruct_batch(rows)
        return vectors

    def _by_gpu(self, queries: Floats, k: int) -> Neighbours | None:
        """Neighbours by a copy of an exact index on the GPU; None for a graph, or without a GPU."""

        def search(resources: Any) -> Neighbours:  # noqa: ANN401  # FAISS's types lack its GPU part
            if self._on_gpu is None:
                untyped: Any = faiss
                self._on_gpu = untyped.index_cpu_to_gpu(resources, 0, self._index)
            similarity, rows = self._on_gpu.search(queries, k)
            return similarity, rows

        exact = k <= MOST_NEIGHBOURS and isinstance(self._index, faiss.IndexFlat)
        return gpu().result(search) if exact else None

    def search(
        self, queries: Floats, k: int, live: npt.NDArray[np.bool_] | None = None
    ) -> tuple[Floats, Rows]:
        """The k nearest live rows: (Q, d) -> (Q, k) similarity and rows, nearest first; row -1 fills up."""
        k = min(k, len(self))
        if not k or not len(queries):
            return np.zeros((len(queries), 0), np.float32), np.zeros((len(queries), 0), np.int64)
        if live is None or live.all():
            similarity, rows = self._by_gpu(queries, k) or self._index.search(queries, k)
            return similarity, rows
        bitmap = np.packbits(live, bitorder="little")
        selector = faiss.IDSelectorBitmap(len(live), faiss.swig_ptr(bitmap))
        similarity, rows = self._index.search(queries, k, params=_parameters(self._index, selector))
        return similarity, rows


def read_faiss(path: Path) -> faiss.Index:
    """Raise IndexDamaged for a file that FAISS cannot read."""
    try:
        return faiss.read_index(str(path))
    except RuntimeError as error:
        raise IndexDamaged(str(path), f"FAISS cannot read it ({last_line(error)})") from error


def write_faiss(index: faiss.Index, path: Path) -> None:
    """Write to a Python file: FAISS ignores errors when it closes its own, such as a full disk."""
    untyped: Any = faiss  # FAISS's types lack this class
    with path.open("wb") as file:
        faiss.write_index(index, untyped.PyCallbackIOWriter(file.write, WRITE_BYTES))


def _parameters(index: faiss.Index, selector: faiss.IDSelector) -> faiss.SearchParameters:
    untyped: Any = faiss  # FAISS's types lack the class for graphs and the keywords of the others
    if isinstance(index, faiss.IndexHNSW):
        parameters = untyped.SearchParametersHNSW(sel=selector, efSearch=GRAPH_EF)
    elif isinstance(index, faiss.IndexIVF):
        parameters = untyped.SearchParametersIVF(sel=selector, nprobe=index.nprobe)
    else:
        parameters = untyped.SearchParameters(sel=selector)
    return cast(faiss.SearchParameters, parameters)


def _set_effort(index: faiss.Index) -> None:
    if isinstance(index, faiss.IndexHNSW):
        index.hnsw.efSearch = GRAPH_EF
    if isinstance(index, faiss.IndexIVF):
        index.nprobe = max(1, index.nlist // 8)


def last_line(error: RuntimeError) -> str:
    return str(error).strip().splitlines()[-1]
