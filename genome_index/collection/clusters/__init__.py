"""Clustering: groups of genomes over the neighbour graph of the index, and the table of methods.

Edges are pairs that the index has compared. At species rank their length is 100 - ANI, or 100 - identity by
shared k-mers where ANI has no signal; at broader ranks it is the difference from the highest possible score.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from genome_index.collection.clusters.density import by_density
from genome_index.collection.clusters.graph import Edges as Edges
from genome_index.collection.clusters.graph import Rows
from genome_index.collection.clusters.graph import connected as connected
from genome_index.collection.clusters.graph import edges_of as edges_of
from genome_index.collection.clusters.leiden import leiden
from genome_index.collection.clusters.linkage import linked
from genome_index.collection.clusters.threshold import reach_of
from genome_index.errors import UsageError
from genome_index.index.calibration.hits import Hits
from genome_index.index.calibration.model import Model

# Number of genomes, their edges, the threshold -> group number of each genome.
METHODS: Mapping[str, Callable[[int, Edges, float], Rows]] = {
    "average": linked("average"),
    "complete": linked("complete"),
    "single": connected,
    "leiden": leiden,
    "hdbscan": by_density,
}


@dataclass(frozen=True)
class Grouping:
    """The group of each genome: (L,) numbers from 0, largest group first."""

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
        No such method, or no genome has a name at the rank.
    """
    if method not in METHODS:
        raise UsageError(f"--method {method}: choose one of: {', '.join(METHODS)}")
    edges = edges_of(rows, hits, by_identity=rank == "species" or ani is not None)
    threshold = 100 - ani if ani is not None else reach_of(model, rows, hits, rank)
    number = METHODS[method](len(rows), edges, threshold)
    return Grouping(rank, method, threshold, _largest_first(number), edges)


def _largest_first(number: Rows) -> Rows:
    """Groups renumbered by size, ties by their first genome."""
    names, first, inverse, counts = np.unique(
        number, return_index=True, return_inverse=True, return_counts=True
    )
    place = np.empty(len(names), np.int64)
    place[np.lexsort((first, -counts))] = np.arange(len(names))
    return np.asarray(place[inverse], np.int64)
