"""The map of a collection: every genome's vector as a place in the plane.

    INDEX/maps/000007-b2d4b8a6f0c4-umap.npz    of snapshot 7; its own sha256 follows the archive

A map is kept for those who ask again. It is no part of the index: whoever may not write there, or finds it
damaged, makes it anew.
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

MAPS: Mapping[str, str] = {  # by what -> how; a kept map that was made in another way is made anew
    "umap": f"umap {NEIGHBOURS} {MIN_DIST} {EPOCHS} {SEED} 1",
    "pca": "pca 1",
}


@dataclass(frozen=True)
class Map:
    """Where the genomes of an index lie."""

    by: str  # "umap", or "pca"
    rows: Rows  # (L,) of the genomes that are in the index, in order
    xy: Floats  # (L, 2)
    explained: tuple[float, float] | None  # PCA: the axes' shares of the variance, 0 to 1


def map_of(index: Index, by: str = "umap", progress: Progress = quiet) -> Map:
    """The map of an index, the same each time: as it was kept, or made now. A few genomes are mapped by PCA.

    Raises
    ------
    UsageError
        No such map, or what makes it is not installed.
    """
    if by not in MAPS:
        raise UsageError(f"no map is called {by!r}; choose one of: {', '.join(MAPS)}")
    by = by if index.snapshot.genomes >= FEWEST else "pca"
    kept = _read(index, by)
    if kept is not None:
        return kept
    made = _made(index, by, progress)
    with suppress(StorageError):  # it is only kept for the next time
        _keep(index, made)
    return made


def place(found: Map, rows: Sequence[int], weights: Sequence[float]) -> tuple[float, float] | None:
    """Where a query lies: the mean of its hits' places. None where none of them is on the map.

    Hits of no weight, or a negative one, count only where there is no other.
    """
    at = np.searchsorted(found.rows, rows).clip(max=len(found.rows) - 1)
    known = found.rows[at] == np.asarray(rows)
    if not known.any():
        return None
    weight = np.asarray(weights, float).clip(min=0)[known]
    x, y = np.average(found.xy[at[known]], axis=0, weights=weight if weight.any() else None)
    return float(x), float(y)


def _made(index: Index, by: str, progress: Progress) -> Map:
    rows = live_rows(index)
    vectors = index.model.vectors.rows()[rows]
    progress.stage("principal components", 0, 1)
    places, explained = principal(vectors)
    # Genomes that are all the same, or lie on one line, give UMAP nothing to start from.
    if by == "pca" or not np.ptp(places, axis=0).all():
        return Map("pca", rows, places.astype(np.float32), explained)
    need_installed("a map by UMAP", "umap", extra="report")
    near = neighbours(vectors, index.model.neighbours.rows, rows, progress)
    progress.stage("laying out the map", 0, 1)
    return Map(by, rows, umap_of(places, *near), None)


# -- keeping -------------------------------------------------------------------------------------------------


def _path(index: Index, by: str) -> Path:
    return cache_path(index, "maps", f"-{by}.npz")


def _how(index: Index, by: str) -> str:
    return f"{index.snapshot.fingerprint} {MAPS[by]}"


def _read(index: Index, by: str) -> Map | None:
    """The kept map; None where there is none that can be relied on."""
    archive = read_cached(_path(index, by))
    if archive is None:
        return None
    with np.load(io.BytesIO(archive), allow_pickle=False) as arrays:
        if str(arrays["how"]) != _how(index, by):
            return None
        first, second = arrays["explained"].tolist()
        explained = (first, second) if by == "pca" else None
        return Map(by, arrays["rows"], arrays["xy"], explained)


def _keep(index: Index, made: Map) -> None:
    archive = io.BytesIO()
    how = np.array(_how(index, made.by))
    explained = np.array(made.explained or (0.0, 0.0))
    np.savez(archive, allow_pickle=False, how=how, rows=made.rows, xy=made.xy, explained=explained)
    write_cached(index, _path(index, made.by), archive.getvalue())
