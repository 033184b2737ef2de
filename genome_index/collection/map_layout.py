"""Layouts of a map: vectors -> places in the plane, by PCA or by UMAP of the neighbours in the index.

UMAP: McInnes, Healy & Melville 2018, arXiv 1802.03426. A difference in the last digit gives another map, so
its input must be the same each time, for any number of threads.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np
import numpy.typing as npt

from genome_index.index.store.pair_table import positions
from genome_index.index.vectors.exact_search import nearest
from genome_index.records import Progress, quiet

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

# UMAP counts a genome as the first of its own neighbours. Of the 15 nearest of 7,378 mitogenomes 62 % are
# among the nearest on the map (25 neighbours: 61 %, 50: 58 %), and the nearest is of the same family for 71 %
# (70 %, 66 %); with 10 neighbours for 73 %, but classes fall into more pieces.
NEIGHBOURS = 15
MIN_DIST = 0.5  # at the default 0.1 the genomes of a family share one spot, and most of the map is empty
EPOCHS = 200  # UMAP's default for large sets; with 500, its default for small ones, islands only drift apart
FEWEST = 2 * NEIGHBOURS  # genomes that UMAP needs; among fewer nearly all are neighbours of each other
SEED = 0
BLOCK = 1_024  # genomes at a time
DIGITS = 6  # of a coordinate; further digits of sums of float32 depend on the number of threads


def principal(vectors: Floats) -> tuple[Doubles, tuple[float, float]]:
    """The first two principal components, and their shares of the variance: (L, d) -> (L, 2).

    The largest loading of each axis is positive.
    """
    mean = vectors.mean(axis=0, dtype=np.float64)
    scatter = np.zeros((vectors.shape[1], vectors.shape[1]))
    for block in _blocks(len(vectors)):
        scatter += (vectors[block] - mean).T @ (vectors[block] - mean)
    variances, directions = np.linalg.eigh(scatter)
    axes = directions[:, :-3:-1]  # (d, 2), or (1, 1)
    axes = axes * np.sign(np.take_along_axis(axes, abs(axes).argmax(axis=0)[None], axis=0))
    places = np.zeros((len(vectors), 2))
    for block in _blocks(len(vectors)):
        places[block, : axes.shape[1]] = (vectors[block] - mean) @ axes
    total = max(float(variances.sum()), len(vectors) * 10.0 ** (-2 * DIGITS))  # less is rounding
    shares = [*(float(max(0, one)) / total for one in variances[:-3:-1]), 0.0]
    return places.round(DIGITS), (shares[0], shares[1])


def neighbours(
    vectors: Floats, neighbours: npt.NDArray[np.int32], rows: Rows, progress: Progress = quiet
) -> tuple[Rows, Floats]:
    """Each live genome and its nearest neighbours: two of (L, NEIGHBOURS).

    `vectors` (L, d) are those of the live `rows`; `neighbours` (N, M) are those of every row, -1
    where there are fewer. Returns positions within `rows` and cosine distances, nearest first. If removals
    have left too few neighbours, all genomes are searched.
    """
    position = positions(rows, len(neighbours))
    nearby = np.empty((len(rows), NEIGHBOURS), np.int64)
    distance = np.empty((len(rows), NEIGHBOURS), np.float32)
    for block in _blocks(len(rows)):
        progress.stage("neighbours on the map", block.start, len(rows))
        at = np.arange(len(rows))[block]
        nearby[block], distance[block] = _nearest_of(vectors, at, position[neighbours[rows[block]]])
    few = np.flatnonzero(nearby.min(axis=1) < 0)
    for block in _blocks(len(few)):
        at = few[block]
        _, near = nearest(vectors[at], vectors, NEIGHBOURS - 1, partial(_itself, at))
        nearby[at], distance[at] = _nearest_of(vectors, at, near)
    return nearby, distance


def _itself(rows: Rows, i: int) -> Rows:
    return rows[i : i + 1]


def _nearest_of(vectors: Floats, at: Rows, near: Rows) -> tuple[Rows, Floats]:
    """Some genomes with the nearest of their candidates: (Q,), (Q, K) positions -> two of (Q, NEIGHBOURS).

    Missing ones are -1, at the end.
    """
    similarity = np.einsum("qd,qkd->qk", vectors[at], vectors[near])  # no BLAS: the same for all threads
    far = np.where(near >= 0, np.maximum(1 - similarity, 0), np.inf)
    order = np.argsort(far, axis=1, kind="stable")[:, : NEIGHBOURS - 1]
    missing = NEIGHBOURS - 1 - order.shape[1]
    near, far = np.take_along_axis(near, order, axis=1), np.take_along_axis(far, order, axis=1)
    near = np.pad(np.column_stack([at, near]), ((0, 0), (0, missing)), constant_values=-1)
    return near, np.pad(np.column_stack([np.zeros(len(at)), far]), ((0, 0), (0, missing)))


def umap_of(start: Doubles, near: Rows, distance: Floats) -> Floats:
    """UMAP from the places in `start`: (L, 2), two of (L, NEIGHBOURS) -> (L, 2).

    Principal components as a start order the islands as well as the spectral start of UMAP (Kobak &
    Linderman 2021, Nat Biotechnol 39:156): 100,000 genomes take 40 s and not 300.
    """
    with _known_warnings():
        from umap import UMAP

        made = UMAP(
            n_neighbors=NEIGHBOURS, min_dist=MIN_DIST, n_epochs=EPOCHS, init=start.astype(np.float32),
            random_state=SEED, n_jobs=1, precomputed_knn=(near.astype(np.int32), distance),
        )  # fmt: skip
        places: Floats = made.fit_transform(start)  # of the data it reads only the number
    return places


@contextmanager
def _known_warnings() -> Iterator[None]:
    """Suppress warnings of umap about features that are not used here."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Tensorflow not installed; ParametricUMAP", ImportWarning)
        warnings.filterwarnings("ignore", "precomputed_knn.*not an NNDescent object", UserWarning)
        yield


def _blocks(count: int) -> Iterator[slice]:
    return (slice(start, min(start + BLOCK, count)) for start in range(0, count, BLOCK))
