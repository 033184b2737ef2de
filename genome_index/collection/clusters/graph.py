"""Neighbour graph of the index as edges: compared pairs and their distance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.index.calibration.hits import KMER_FLOOR, Hits, score
from genome_index.index.store.pair_table import positions

Rows = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]

TOP = float(score(np.ones(1, np.float32), np.ones(1, np.float32))[0])  # score of a genome with itself


@dataclass(frozen=True)
class Edges:
    """Pairs of positions among L genomes, each once, with their distance."""

    a: Rows  # (E,)
    b: Rows  # (E,)
    length: Doubles  # (E,) percent at species rank, difference of scores above; 0 is identical

    def only(self, which: npt.NDArray[np.bool_] | Rows) -> Edges:
        return Edges(self.a[which], self.b[which], self.length[which])

    def within(self, threshold: float) -> Edges:
        return self.only(self.length <= threshold)


def edges_of(rows: Rows, hits: Hits, by_identity: bool) -> Edges:
    """The neighbour graph among some genomes, in positions within `rows`."""
    other = positions(rows, max(int(rows.max()), int(hits.rows.max())) + 1)[hits.rows]
    own = np.broadcast_to(np.arange(len(rows))[:, None], other.shape)
    length = _identity_difference(hits) if by_identity else TOP - hits.score
    known = (other >= 0) & np.isfinite(length)
    lengths = np.maximum(length[known].astype(np.float64), 0.0)
    return shortest(np.minimum(own[known], other[known]), np.maximum(own[known], other[known]), lengths)


def shortest(a: Rows, b: Rows, length: Doubles) -> Edges:
    """Each pair once, with its least length: (E,) lesser positions, (E,) greater, (E,)."""
    order = np.lexsort((length, b, a))
    a, b, length = a[order], b[order], length[order]
    first = np.concatenate([[True], (np.diff(a) != 0) | (np.diff(b) != 0)])[: len(a)]
    return Edges(a[first], b[first], length[first])


def _identity_difference(hits: Hits) -> npt.NDArray[np.float32]:
    """100 - ANI, by shared k-mers where there is no ANI; infinite without a shared k-mer: (Q, K)."""
    by_kmers = np.where(hits.kmer_identity > KMER_FLOOR, 100 * (1 - hits.kmer_identity), np.inf)
    return np.asarray(np.where(np.isnan(hits.ani), by_kmers, 100 - hits.ani), np.float32)


def connected(count: int, edges: Edges, threshold: float) -> Rows:
    """Connected over edges within the threshold, which is single linkage: a number for each genome, (L,)."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    near = edges.within(threshold)
    graph = coo_array((np.ones(len(near.a)), (near.a, near.b)), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def pieces(edges: Edges, part: Rows) -> Iterator[tuple[Rows, Edges]]:
    """Members of each part of two or more, and the edges within it in positions among them; parts from 0."""
    members = np.argsort(part, kind="stable")
    bounds = np.searchsorted(part[members], np.arange(part.max(initial=-1) + 2))
    place = np.empty(len(part), np.int64)
    place[members] = np.arange(len(part)) - bounds[part[members]]
    inside = edges.only(part[edges.a] == part[edges.b])
    inside = inside.only(np.argsort(part[inside.a], kind="stable"))
    cuts = np.searchsorted(part[inside.a], np.arange(len(bounds)))
    for one in np.flatnonzero(np.diff(bounds) > 1).tolist():
        own = inside.only(np.arange(cuts[one], cuts[one + 1]))
        yield members[bounds[one] : bounds[one + 1]], Edges(place[own.a], place[own.b], own.length)
