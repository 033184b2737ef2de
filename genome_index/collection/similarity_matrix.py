"""Similarity matrix of up to MOST genomes: similarity of vectors, ANI where it is known, and their tree.

A larger collection is represented by the medoids of its groups, a larger taxon by an even sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from genome_index.collection.cluster_stats import Group, groups_of
from genome_index.collection.clusters import group
from genome_index.collection.trees import Merges, average_linkage, condensed
from genome_index.errors import UsageError, did_you_mean
from genome_index.index.calibration.pairwise import Comparer
from genome_index.index.index import Index
from genome_index.index.neighbours import live_rows, neighbour_hits
from genome_index.index.parallel import in_threads
from genome_index.index.store.pair_table import in_sorted, keys_of
from genome_index.index.store.skani import measure

MOST = 200  # genomes; more cannot be told apart in a figure, and all pairs are compared
MEASURED_BP = (
    1_000_000_000  # bases read to measure missing ANI, nearest pairs first; 200 mitogenomes: 0.66 G, 4 s
)
# k-mer identity up to which a pair is taken to have no ANI: of 3,220 such pairs of 600 mitogenomes 8 have
# one, of 164 pairs of 68 bacteria none.
UNLIKE = 0.70

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]
Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True)
class Matrix:
    """M genomes against each other."""

    ids: tuple[str, ...]
    names: tuple[str, ...]  # species, "" where none is known
    similarity: Floats  # (M, M) cosine
    ani: Floats  # (M, M) percent; NaN where there is none
    compared: Flags  # (M, M) True if a missing ANI is below the range, False if not measured
    merges: Merges  # (M - 1, 4) average linkage over 1 - similarity, children as in `order`
    order: Rows  # (M,) leaves of the tree, so that neighbours are alike
    total: int  # genomes of the index

    def ordered(self, table: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
        """One of the tables with rows and columns as in `order`: (M, M) -> (M, M)."""
        return table[np.ix_(self.order, self.order)]

    def branches(self) -> npt.NDArray[np.float64]:
        """The tree as lines of four points, (distance, place in `order`): (M - 1, 4, 2)."""
        leaves = len(self.order)
        places, heights = np.zeros(2 * leaves - 1), np.zeros(2 * leaves - 1)
        places[self.order] = np.arange(leaves)
        lines = np.empty((len(self.merges), 4, 2))
        for at, (a, b, height, _) in enumerate(self.merges):
            one, other = int(a), int(b)
            lines[at, :, 0] = heights[one], height, height, heights[other]
            lines[at, :, 1] = places[one], places[one], places[other], places[other]
            places[leaves + at], heights[leaves + at] = (places[one] + places[other]) / 2, height
        return lines


def matrix_of(index: Index, rows: Rows, threads: int = 1) -> Matrix:
    """Compare up to MOST genomes of an index; missing ANI is measured, up to MEASURED_BP bases."""
    if not 0 < len(rows) <= MOST:
        raise UsageError(f"{len(rows):,} genomes are too many or too few for a matrix; choose 1 to {MOST}")
    index.prefetch(rows.tolist())
    vectors = index.model.vectors.rows()[rows]
    ani, compared = _identity(index, rows, threads)
    merges, order = _tree(vectors)
    chosen = [index.entry(row) for row in rows.tolist()]
    return Matrix(
        tuple(entry.id for entry in chosen), tuple(entry.lineage.name("species") or "" for entry in chosen),
        np.clip(vectors @ vectors.T, -1, 1), ani, compared, merges, order, len(live_rows(index)),
    )  # fmt: skip


def _tree(vectors: Floats) -> tuple[Merges, Rows]:
    """Average linkage with its leaves in optimal order (Bar-Joseph 2001): neighbours are alike."""
    from scipy.cluster.hierarchy import leaves_list, optimal_leaf_ordering

    merges = average_linkage(vectors)
    if len(vectors) < 3:
        return merges, np.arange(len(vectors))
    merges = np.asarray(optimal_leaf_ordering(merges, condensed(vectors)))
    return merges, np.asarray(leaves_list(merges), np.int64)


# -- ANI -----------------------------------------------------------------------------------------------------


def _identity(index: Index, rows: Rows, threads: int) -> tuple[Floats, Flags]:
    """ANI of all pairs, and whether a missing one is known to be below the range: (M, M) each."""
    a, b = np.triu_indices(len(rows), 1)
    stored, keys = index.pairs(), keys_of(rows[a], rows[b])
    kmers = Comparer(index.references, threads).kmer_identity(rows[a], rows[b])
    values, settled = stored.get(keys)[:, 0], in_sorted(keys, stored.keys) | (kmers <= UNLIKE)
    _measure(index, rows, (a, b), np.where(settled, -1, kmers), values, settled, threads)
    ani, compared = np.full((len(rows),) * 2, 100, np.float32), np.ones((len(rows),) * 2, bool)
    ani[a, b], compared[a, b] = values, settled
    ani[b, a], compared[b, a] = values, settled
    return ani, compared


def _measure(
    index: Index, rows: Rows, ends: tuple[Rows, Rows], kmers: Floats, values: Floats, settled: Flags,
    threads: int,
) -> None:  # fmt: skip
    """Measure the ANI of pairs (P,) with `kmers` of 0 and more, if the bases of either genome are stored."""
    references = index.references
    stored = np.array([index.spec.keep_sequence or references.is_small(row) for row in rows.tolist()])
    lengths = np.array([references.length_bp(row) for row in rows.tolist()])
    query, other = np.where(stored[ends[0]], ends, ends[::-1])
    due = np.flatnonzero((kmers >= 0) & stored[query])
    due = due[np.argsort(-kmers[due], kind="stable")]
    due = due[np.cumsum(lengths[query[due]] + lengths[other[due]]) <= MEASURED_BP]
    groups = [due[query[due] == genome] for genome in np.unique(query[due]).tolist()]

    def measure_group(number: int) -> None:
        """All due pairs of one genome, in one call of skani; no two calls write to the same place."""
        pairs = groups[number]
        genome = references.genome(int(rows[query[pairs[0]]]))
        if genome is None:
            return
        measured = measure(genome, [references.candidate(int(rows[other[pair]])) for pair in pairs])
        values[pairs] = [np.nan if evidence.ani is None else evidence.ani for evidence in measured]
        settled[pairs] = True

    list(in_threads(measure_group, len(groups), threads))


# -- which genomes -------------------------------------------------------------------------------------------


def chosen_rows(rows: Rows, groups: Sequence[Group]) -> Rows:
    """Rows of all genomes up to MOST, else of the medoids of the largest groups.

    Parameters are the live rows (L,) and their groups, largest first.
    """
    if len(rows) <= MOST:
        return rows
    return rows[[one.medoid for one in groups[:MOST]]]


def rows_of_collection(index: Index) -> Rows:
    """`chosen_rows` of an index, which is grouped first if it is larger than MOST."""
    rows = live_rows(index)
    if len(rows) <= MOST:
        return rows
    grouping = group(index.model, rows, neighbour_hits(index, rows), "species", None, "average")
    return chosen_rows(rows, groups_of(grouping, [None] * len(rows)))


def rows_of_name(index: Index, name: str) -> Rows:
    """Rows of the genomes with a name at any rank or as a label; an even sample if there are more than MOST.

    Raises
    ------
    UsageError
        No genome has the name; the message suggests the nearest one.
    """
    rows = every_row_of_name(index, name)
    return rows[np.linspace(0, len(rows) - 1, min(MOST, len(rows))).round().astype(np.int64)]


def every_row_of_name(index: Index, name: str) -> Rows:
    """Rows of all genomes with a name at any rank or as a label; UsageError if there are none."""
    rows = [
        entry.row
        for entry in index.catalog.entries()
        if name in entry.lineage.names.values() or name in entry.taxon.labels.values()
    ]
    if not rows:
        known = {one for level in index.model.levels.values() for one in level.names}
        cure = did_you_mean(name, known, "`gindex list` lists the names")
        raise UsageError(f"{index.path}: no genome has the name {name!r}; {cure}")
    return np.array(rows)
