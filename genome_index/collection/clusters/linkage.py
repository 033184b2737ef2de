"""Average and complete linkage over the graph: each connected component is cut, by all its pairs.

The distance of two genomes without an edge is the shortest path over others. A component of more than
LARGEST genomes is grouped in rounds, to bound memory: its edges are joined from the shortest on into parts of
at most LARGEST, and each part is cut by all its pairs. The groups are then linked in the same way by their
medoids; complete linkage adds their radii, so that no group is wider than the threshold. Rounds end when one
joins few groups.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from genome_index.collection.clusters.bounded_components import parts_of
from genome_index.collection.clusters.graph import Doubles, Edges, Rows, connected, pieces, shortest

LARGEST = 2_000  # genomes that are linked by all their pairs at once: 32 MB of distances
FEW = 0.9  # groups for each group of the round before, above which rounds end


def linked(how: str) -> Callable[[int, Edges, float], Rows]:
    def link(count: int, edges: Edges, threshold: float) -> Rows:
        """Cut each connected component; a group is numbered by one of its members."""
        return _link(edges, np.zeros(count), how, threshold)

    return link


def _link(edges: Edges, radius: Doubles, how: str, threshold: float) -> Rows:
    """Groups of N genomes, or of groups with a radius: (N,) -> the number of one member of each's group."""
    number = np.arange(len(radius))
    for members, inside in pieces(edges, connected(len(radius), edges, threshold)):
        link = _at_once if len(members) <= LARGEST else _in_rounds
        number[members] = members[link(inside, radius[members], how, threshold)]
    return number


def _at_once(edges: Edges, radius: Doubles, how: str, threshold: float) -> Rows:
    return _cut(_ways(len(radius), edges), radius, how, threshold)


def _in_rounds(edges: Edges, radius: Doubles, how: str, threshold: float) -> Rows:
    groups = _groups_of_parts(edges, radius, how, threshold)
    if len(groups.medoids) > FEW * len(radius):
        return groups.medoids[groups.number]
    joined = _link(_between(groups, edges), groups.radius, how, threshold)
    return groups.medoids[joined[groups.number]]


def _ways(count: int, edges: Edges) -> Doubles:
    """The length of the shortest way between any two: (M, M)."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import dijkstra

    graph = coo_array((edges.length, (edges.a, edges.b)), shape=(count, count)).tocsr()
    return np.asarray(dijkstra(graph, directed=False))


def _cut(ways: Doubles, radius: Doubles, how: str, threshold: float) -> Rows:
    """The first member of each one's group: (M, M), (M,) -> (M,)."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    distances = ways + radius + radius[:, None]
    np.fill_diagonal(distances, 0)
    group = fcluster(linkage(squareform(distances, checks=False), how), threshold, "distance")
    _, first, inverse = np.unique(group, return_index=True, return_inverse=True)
    return np.asarray(first[inverse], np.int64)


@dataclass(frozen=True)
class _Groups:
    """Groups of M genomes after a round."""

    number: Rows  # (M,) the group of each
    off: Doubles  # (M,) how far it is from the group's medoid
    medoids: Rows  # (G,)
    radius: Doubles  # (G,) how far the farthest member is from the medoid; 0 where only the mean counts
    part: Rows  # (G,)


def _groups_of_parts(edges: Edges, radius: Doubles, how: str, threshold: float) -> _Groups:
    """Each part's groups; a genome that is a part by itself is its own."""
    near = edges.within(threshold)
    near = near.only(np.argsort(near.length, kind="stable"))
    part = parts_of(near.a, near.b, len(radius), LARGEST)
    medoid, off = np.arange(len(radius)), np.zeros(len(radius))
    for members, inside in pieces(edges, part):
        ways = _ways(len(members), inside)
        first = _cut(ways, radius[members], how, threshold)
        for one in np.unique(first).tolist():
            own = np.flatnonzero(first == one)
            middle = own[ways[np.ix_(own, own)].sum(axis=1).argmin()]
            medoid[members[own]], off[members[own]] = members[middle], ways[middle, own]
    medoids, number = np.unique(medoid, return_inverse=True)
    reach = np.zeros(len(medoids))
    if how == "complete":
        np.maximum.at(reach, number, off + radius)
    return _Groups(number, off, medoids, reach, part[medoids])


def _between(groups: _Groups, edges: Edges) -> Edges:
    """Ways from medoid to medoid over one edge; groups of one part have been told apart, and have none."""
    a, b = groups.number[edges.a], groups.number[edges.b]
    length = groups.off[edges.a] + edges.length + groups.off[edges.b]
    out = groups.part[a] != groups.part[b]
    return shortest(np.minimum(a, b)[out], np.maximum(a, b)[out], length[out])
