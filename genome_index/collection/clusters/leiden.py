"""Leiden communities of the neighbour graph."""

from __future__ import annotations

import random

import numpy as np

from genome_index.collection.clusters.graph import Edges, Rows

SEED = 0
FAINTEST = 0.1  # weight of an edge as long as the threshold, beside 1 for one of no length


def leiden(count: int, edges: Edges, threshold: float) -> Rows:
    """Communities of the graph within the threshold, near edges weighing more (Traag et al. 2019).

    Modularity is judged over all edges at once, so the more genomes there are, the fewer components of the
    graph are divided (its resolution limit, Fortunato & Barthelemy 2007).
    """
    import igraph

    near = edges.within(threshold)
    graph = igraph.Graph(count, np.stack([near.a, near.b], axis=1).tolist())
    weights = 1 - near.length / max(threshold, 1e-9) * (1 - FAINTEST)
    igraph.set_random_number_generator(random.Random(SEED))  # the same groups every time
    try:
        communities = graph.community_leiden("modularity", weights=weights.tolist(), n_iterations=-1)
    finally:
        igraph.set_random_number_generator(random)
    return np.asarray(communities.membership, np.int64)
