"""Which genomes belong together: groups by linkage over the kept neighbour graph.

Edges are pairs that the index already compared. At species rank their length is 100 - ANI, or what shared
words say of identity where ANI has no signal; at broader ranks it is what lacks in score to the best there
is. Never all against all: two genomes without an edge are as far apart as the shortest way over the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.errors import UsageError
from genome_index.features import WORD_FLOOR, Hits, score
from genome_index.levels import UNKNOWN, Level
from genome_index.model import Model
from genome_index.thresholds import PRIORS

Rows = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]

LARGEST = 2_000  # genomes of a component that are linked by all their pairs; a larger one is one group
USUAL = 0.10  # share of genomes whose nearest fellow is farther: the threshold of ranks above species
TOP = float(score(np.ones(1, np.float32), np.ones(1, np.float32))[0])  # score of a genome with itself


@dataclass(frozen=True)
class Edges:
    """Pairs of positions among L genomes, each once, and how far apart they are."""

    a: Rows  # (E,)
    b: Rows  # (E,)
    length: Doubles  # (E,) percent at species rank, lack of score above; 0 is the same

    def within(self, threshold: float) -> Edges:
        near = self.length <= threshold
        return Edges(self.a[near], self.b[near], self.length[near])


@dataclass(frozen=True)
class Grouping:
    """Who belongs to which group: (L,) numbers from 0, largest group first."""

    rank: str
    method: str
    threshold: float  # of edge length
    number: Rows
    edges: Edges


def group(model: Model, rows: Rows, hits: Hits, rank: str, ani: float | None, method: str) -> Grouping:
    """Group live genomes; `hits` are those of `rows`.

    Raises
    ------
    UsageError
        No such method, or a rank without names to learn a threshold from.
    """
    if method not in METHODS:
        raise UsageError(f"--method {method}: choose one of: {', '.join(METHODS)}")
    edges = edges_of(rows, hits, by_identity=rank == "species" or ani is not None)
    threshold = 100 - ani if ani is not None else _threshold(model, rows, hits, rank)
    number = METHODS[method](len(rows), edges, threshold)
    return Grouping(rank, method, threshold, _largest_first(number), edges)


def edges_of(rows: Rows, hits: Hits, by_identity: bool) -> Edges:
    """The neighbour graph among some genomes, in positions within `rows`."""
    place = np.full(max(int(rows.max()), int(hits.rows.max())) + 2, -1, np.int64)
    place[rows] = np.arange(len(rows))
    other = place[hits.rows]  # row -1 finds the last place, which is nobody's
    own = np.broadcast_to(np.arange(len(rows))[:, None], other.shape)
    length = _lack_of_identity(hits) if by_identity else TOP - hits.score
    kept = (other >= 0) & np.isfinite(length)
    low, high = np.minimum(own[kept], other[kept]), np.maximum(own[kept], other[kept])
    order = np.lexsort((length[kept], high, low))
    low, high, lengths = low[order], high[order], length[kept][order].astype(np.float64)
    first = np.concatenate([[True], (np.diff(low) != 0) | (np.diff(high) != 0)])[: len(low)]
    return Edges(low[first], high[first], np.maximum(lengths[first], 0.0))


def _lack_of_identity(hits: Hits) -> npt.NDArray[np.float32]:
    """100 - ANI; where there is none, what shared words say; infinite without any: (Q, K)."""
    by_words = np.where(hits.words > WORD_FLOOR, 100 * (1 - hits.words), np.inf)
    return np.asarray(np.where(np.isnan(hits.ani), by_words, 100 - hits.ani), np.float32)


def _threshold(model: Model, rows: Rows, hits: Hits, rank: str) -> float:
    """At species rank that of most genomes' kind; above, what the rank's own names show."""
    if rank == "species":
        kinds, counts = np.unique(model.molecules[rows], return_counts=True)
        kind: str = str(kinds[counts.argmax()])
        return 100 - {str(name): prior.ani for name, prior in PRIORS.items()}[kind]
    if rank not in model.levels:
        raise UsageError(
            f"--rank {rank}: no genome has a name there; choose one of: {', '.join(model.levels)}"
        )
    return TOP - _usual_score(model.levels[rank], rows, hits)


def _usual_score(level: Level, rows: Rows, hits: Hits) -> float:
    """The score that all but USUAL of the genomes find with their nearest fellow."""
    codes = np.where(hits.rows >= 0, level.codes[hits.rows], UNKNOWN)
    own = level.codes[rows][:, None]
    fellows = np.where((codes == own) & (own != UNKNOWN), hits.score, -np.inf).max(axis=1, initial=-np.inf)
    return float(np.quantile(fellows[np.isfinite(fellows)], USUAL)) if np.isfinite(fellows).any() else TOP


def _largest_first(number: Rows) -> Rows:
    """The same groups numbered by size, ties by their first genome."""
    names, first, inverse, counts = np.unique(
        number, return_index=True, return_inverse=True, return_counts=True
    )
    place = np.empty(len(names), np.int64)
    place[np.lexsort((first, -counts))] = np.arange(len(names))
    return np.asarray(place[inverse], np.int64)


# -- linkage: how many genomes, edges, threshold -> a number for each genome ---------------------------------


def connected(count: int, edges: Edges, threshold: float) -> Rows:
    """Connected over edges within the threshold."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    near = edges.within(threshold)
    graph = coo_array((np.ones(len(near.a)), (near.a, near.b)), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def _linked(how: str) -> Callable[[int, Edges, float], Rows]:
    def link(count: int, edges: Edges, threshold: float) -> Rows:
        """Cut each connected component by linkage over all its pairs."""
        component = connected(count, edges, threshold)
        number, taken = component.copy(), int(component.max(initial=0)) + 1
        sizes = np.bincount(component)
        for one in np.flatnonzero((sizes > 2) & (sizes <= LARGEST)).tolist():
            members = np.flatnonzero(component == one)
            parts = _cut(_distances(members, edges), how, threshold)
            number[members] = np.where(parts == 0, one, taken + parts)
            taken += int(parts.max()) + 1
        return number

    return link


def _distances(members: Rows, edges: Edges) -> Doubles:
    """All distances within a component, over the shortest way: (M, M)."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import dijkstra

    inside = np.isin(edges.a, members) & np.isin(edges.b, members)
    a, b = np.searchsorted(members, edges.a[inside]), np.searchsorted(members, edges.b[inside])
    lengths = np.maximum(edges.length[inside], 1e-9)  # 0 would be no edge at all
    graph = coo_array((lengths, (a, b)), shape=(len(members), len(members))).tocsr()
    return np.asarray(dijkstra(graph, directed=False))


def _cut(distances: Doubles, how: str, threshold: float) -> Rows:
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    tree = linkage(squareform(distances, checks=False), how)
    return np.asarray(fcluster(tree, threshold, "distance") - 1, np.int64)


def _leiden(count: int, edges: Edges, threshold: float) -> Rows:
    """Communities of the graph within the threshold, near edges weighing more (Traag et al. 2019)."""
    import igraph

    near = edges.within(threshold)
    graph = igraph.Graph(count, list(zip(near.a.tolist(), near.b.tolist(), strict=True)))
    weights = (1 - near.length / max(threshold, 1e-9) * 0.9).tolist()
    found = graph.community_leiden("modularity", weights=weights, n_iterations=-1)
    return np.asarray(found.membership, np.int64)


METHODS: Mapping[str, Callable[[int, Edges, float], Rows]] = {
    "average": _linked("average"),
    "complete": _linked("complete"),
    "single": connected,
    "leiden": _leiden,
}
