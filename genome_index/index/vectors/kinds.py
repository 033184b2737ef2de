"""The kinds of vectors that an index may have, by its size or by the factory string of its settings.

    Flat            exact, in memory: up to 200,000 genomes
    IVFn,RaBitQfs   codes in memory find candidates, the vectors on disk re-score them (quantised.py)

An index of an older gindex may have a graph (HNSW32), which `Vectors` reads too.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genome_index.index.vectors.exact_search import nearest
from genome_index.index.vectors.faiss_index import Floats, Neighbours, Rows, Vectors
from genome_index.index.vectors.quantised import QuantisedVectors
from genome_index.index.vectors.vector_rows import ROWS

AnyVectors = Vectors | QuantisedVectors

EXACT_UP_TO = 200_000  # genomes: 0.2 s for a query on one core, 200 MB
LISTS_OF_ROOT = (
    3  # lists are the power of two next to 3 times the root of the genomes: tests/bench/RESULTS.md
)


def factory_for(wanted: str, genomes: int) -> str:
    """The FAISS factory string for an index of this size; `wanted` is `auto` or the user's factory string."""
    if wanted != "auto":
        return wanted
    return "Flat" if genomes <= EXACT_UP_TO else f"IVF{lists_for(genomes)},RaBitQfs"


def lists_for(genomes: int) -> int:
    """The number of inverted lists for so many genomes.

    >>> lists_for(1_000_000), lists_for(10_000_000)
    (4096, 8192)
    """
    return 1 << round(math.log2(LISTS_OF_ROOT * genomes**0.5))


def build_vectors(vectors: Floats, factory: str) -> AnyVectors:
    """(N, d) rows of length 1 -> vectors of the given kind.

    Raises
    ------
    UsageError
        FAISS has no such kind, or it cannot hide removed genomes.
    """
    return (
        QuantisedVectors.build(vectors, factory) if "RaBitQ" in factory else Vectors.build(vectors, factory)
    )


def nearest_others(
    vectors: AnyVectors, own: Floats, rows: Rows, live: npt.NDArray[np.bool_], k: int
) -> Neighbours:
    """The k nearest live others of some rows, whose vectors are `own`: (n, d), (n,) -> (n, k) twice.

    By codes where there are some: to read every vector of a large index would take as long as it is large.
    """
    if isinstance(vectors, Vectors):
        removed = np.flatnonzero(~live)
        return nearest(own, vectors.rows(), k, lambda i: np.append(removed, rows[i]))
    similarity, near = vectors.search(own, k + 1, live)
    similarity[near == rows[:, None]] = -np.inf
    order = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
    near = np.where(np.isneginf(similarity), -1, near)
    return np.take_along_axis(similarity, order, axis=1), np.take_along_axis(near, order, axis=1)


def load_vectors(folder: Path) -> AnyVectors:
    """The vectors of a snapshot's folder.

    Raises
    ------
    IndexDamaged
    """
    return QuantisedVectors.load(folder) if (folder / ROWS).exists() else Vectors.load(folder)
