"""HDBSCAN*: groups by density over the graph within the threshold (Campello et al. 2013)."""

from __future__ import annotations

import numpy as np

from genome_index.collection.clusters.graph import Edges, Rows, connected, pieces, shortest

FLOOR = 0.5  # of the threshold; shorter edges count as this long
BATCH = 1_000  # genomes at a time, more where a component has more; the groups are the same for any number
APART = 1.001  # thresholds between components: just more than any edge


def by_density(count: int, edges: Edges, threshold: float) -> Rows:
    """The most persistent clusters while the threshold decreases; noise is a group of one.

    The threshold is the longest edge that counts, so no group reaches over two components of `single`. A
    component is divided where its parts hold together well below the gap between them. Edges shorter than
    half the threshold count as half; otherwise identical genomes would outlast every species.
    """
    near, number = edges.within(threshold), np.arange(count)
    for members, inside in pieces(near, _batches(connected(count, near, threshold))):
        label = _clusters(len(members), inside, max(threshold, 1e-9))
        clustered = label >= 0
        _, first, inverse = np.unique(label[clustered], return_index=True, return_inverse=True)
        number[members[clustered]] = members[clustered][first][inverse]
    return number


def _batches(component: Rows) -> Rows:
    """Components of two and more by the batch, and each of one by itself: (L,) -> (L,) from 0."""
    sizes = np.bincount(component, minlength=1)
    taken = np.where(sizes > 1, sizes, 0)
    batch = (np.cumsum(taken) - taken) // BATCH
    alone = batch.max() + 1 + np.arange(len(component))
    part = np.where(sizes[component] > 1, batch[component], alone)
    return np.asarray(np.unique(part, return_inverse=True)[1], np.int64)


def _clusters(count: int, edges: Edges, threshold: float) -> Rows:
    """The cluster of each of some components' genomes, -1 for noise: (M,)."""
    from scipy.sparse import coo_array, csr_matrix
    from sklearn.cluster import HDBSCAN

    graph = _chained(count, edges, threshold)
    a, b = np.concatenate([graph.a, graph.b]), np.concatenate([graph.b, graph.a])
    lengths = coo_array((np.tile(graph.length, 2), (a, b)), shape=(count + 2, count + 2))
    # With one sample a core distance is the nearest neighbour's, which changes no edge. The epsilon of
    # scikit-learn 1.9 fails beside numpy 2.4 (its issue 33219); the floor does as much.
    model = HDBSCAN(min_cluster_size=2, min_samples=1, metric="precomputed", copy=False)
    return np.asarray(model.fit(csr_matrix(lengths)).labels_[:count], np.int64)


def _chained(count: int, edges: Edges, threshold: float) -> Edges:
    """The edges, with the components joined in a chain that ends in an added pair.

    HDBSCAN needs a connected graph, and never returns the root as a cluster, however alike all genomes are.
    Components of one genome would count as members of the component before them.
    """
    component = connected(count, edges, threshold)
    row = np.concatenate([np.unique(component, return_index=True)[1], [count]])
    apart = np.full(len(row) - 1, APART * threshold)
    a = np.concatenate([edges.a, row[:-1], [count]])
    b = np.concatenate([edges.b, row[1:], [count + 1]])
    length = np.concatenate([edges.length, apart, [0.0]])
    return shortest(np.minimum(a, b), np.maximum(a, b), np.maximum(length, FLOOR * threshold))
