"""Map of a collection: the vector of each genome as a place in the plane.

    INDEX/maps/000007-b2d4b8a6f0c4-umap.npz    of snapshot 7; its own sha256 follows the archive

Maps are a cache beside the index: one that is missing, damaged or cannot be written is made again.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genome_index.collection.map_layout import (
    EPOCHS,
    FEWEST,
    MIN_DIST,
    NEIGHBOURS,
    SEED,
    neighbours,
    principal,
    umap_of,
)
from genome_index.errors import StorageError, UsageError, need_installed
from genome_index.index.cache import cache_path, read_cached, write_cached
from genome_index.index.index import Index
from genome_index.index.neighbours import live_rows
from genome_index.records import Progress, quiet

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

MAPS: Mapping[str, str] = {  # name -> parameters; a cached map with other parameters is made again
    "umap": f"umap {NEIGHBOURS} {MIN_DIST} {EPOCHS} {SEED} 1",
    "pca": "pca 1",
}


@dataclass(frozen=True)
class Map:
    """Places of the genomes of an index."""

    by: str  # "umap", or "pca"
    rows: Rows  # (L,) of the genomes that are in the index, in order
    xy: Floats  # (L, 2)
    explained: tuple[float, float] | None  # PCA: the axes' shares of the variance, 0 to 1


def map_of(index: Index, by: str = "umap", progress: Progress = quiet) -> Map:
    """The map of an index, from the cache or made now; fewer than FEWEST genomes are mapped by PCA.

    Raises
    ------
    UsageError
        No such map, or its package is not installed.
    """
    if by not in MAPS:
        raise UsageError(f"no map is called {by!r}; choose one of: {', '.join(MAPS)}")
    by = by if index.snapshot.genomes >= FEWEST else "pca"
    cached = _read(index, by)
    if cached is not None:
        return cached
    made = _made(index, by, progress)
    with suppress(StorageError):  # the cache is optional
        _write(index, made)
    return made


def place(mapped: Map, rows: Sequence[int], weights: Sequence[float]) -> tuple[float, float] | None:
    """Place of a query: the weighted mean of the places of its hits; None if no hit is on the map.

    Hits whose weight is not positive count only if there are no others.
    """
    at = np.searchsorted(mapped.rows, rows).clip(max=len(mapped.rows) - 1)
    known = mapped.rows[at] == np.asarray(rows)
    if not known.any():
        return None
    weight = np.asarray(weights, float).clip(min=0)[known]
    x, y = np.average(mapped.xy[at[known]], axis=0, weights=weight if weight.any() else None)
    return float(x), float(y)


def _made(index: Index, by: str, progress: Progress) -> Map:
    rows = live_rows(index)
    vectors = index.model.vectors.rows()[rows]
    progress.stage("principal components", 0, 1)
    places, explained = principal(vectors)
    # UMAP cannot start from places on one point or line.
    if by == "pca" or not np.ptp(places, axis=0).all():
        return Map("pca", rows, places.astype(np.float32), explained)
    need_installed("a map by UMAP", "umap", extra="report")
    near = neighbours(vectors, index.model.neighbours.rows, rows, progress)
    progress.stage("laying out the map", 0, 1)
    return Map(by, rows, umap_of(places, *near), None)


# -- cache ---------------------------------------------------------------------------------------------------


def _path(index: Index, by: str) -> Path:
    return cache_path(index, "maps", f"-{by}.npz")


def _how(index: Index, by: str) -> str:
    return f"{index.snapshot.fingerprint} {MAPS[by]}"


def _read(index: Index, by: str) -> Map | None:
    """The cached map; None if there is none with these parameters, or it is damaged."""
    archive = read_cached(_path(index, by))
    if archive is None:
        return None
    with np.load(io.BytesIO(archive), allow_pickle=False) as arrays:
        if str(arrays["how"]) != _how(index, by):
            return None
        first, second = arrays["explained"].tolist()
        explained = (first, second) if by == "pca" else None
        return Map(by, arrays["rows"], arrays["xy"], explained)


def _write(index: Index, made: Map) -> None:
    archive = io.BytesIO()
    how = np.array(_how(index, made.by))
    explained = np.array(made.explained or (0.0, 0.0))
    np.savez(archive, allow_pickle=False, how=how, rows=made.rows, xy=made.xy, explained=explained)
    write_cached(index, _path(index, made.by), archive.getvalue())
