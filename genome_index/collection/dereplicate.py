"""Dereplication: one representative for genomes whose ANI reaches a threshold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.collection.clusters import Edges, edges_of
from genome_index.collection.representative_score import READ_GENOMES, representative_scores
from genome_index.errors import UsageError
from genome_index.index.index import Index
from genome_index.index.neighbours import live_rows, neighbour_hits
from genome_index.index.store.same_sequence import key_of_row, one_base_less
from genome_index.io import tsv
from genome_index.records import rounded_ani

CHECKED = 0.1  # percent; genomes that are nearer are compared base by base

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Member:
    """A genome and its representative; a representative has itself, with ANI 100."""

    id: str
    representative: str
    ani: float  # percent, to the representative; 100 only for the same sequence


def dereplicate(index: Index, ani: float) -> list[Member]:
    """The representative of every live genome, in the order of the index: greedy, best score first.

    A genome is represented by the nearest representative with at least `ani` percent (identity by shared
    k-mers where ANI has no signal), so no two representatives are that near as far as the index knows. The
    score is that of `representative_scores`; of two genomes that are alike in it, the longer one.

    ANI 100 is the same sequence, see `sequence_key`; of large genomes, whose bases the index does not store,
    the same length and sampled k-mers.

    Raises
    ------
    UsageError
        `ani` is outside 80 to 100.
    """
    if not 80 <= ani <= 100:
        raise UsageError(f"--ani {ani:g}: give a percentage from 80 to 100")
    rows = live_rows(index)
    edges = edges_of(rows, neighbour_hits(index, rows), by_identity=True)
    edges = _checked(index, rows, edges.within(max(100 - ani, CHECKED))).within(100 - ani)
    by_row = {entry.row: entry for entry in index.catalog.entries()}
    entries = [by_row[row] for row in rows.tolist()]
    partners = _partners(len(rows), edges.a, edges.b, edges.length)
    near = [[other for _, other in line] for line in partners]
    scores = representative_scores(index, entries, near)
    lengths = np.array([entry.length_bp for entry in entries])
    order = np.lexsort((np.arange(len(rows)), -lengths, np.round(scores, 4)))
    representatives = _representatives(partners, order)
    ids = [entry.id for entry in entries]
    return [
        Member(ids[at], ids[other], rounded_ani(100 - length, 3))
        for at, (other, length) in enumerate(representatives)
    ]


def _checked(index: Index, rows: Rows, edges: Edges) -> Edges:
    """The edges, with length 0 for the same sequence, and at least one base for all others."""
    references, near = index.references, np.flatnonzero(edges.length <= CHECKED)
    keys: dict[int, bytes] = {}
    for number, at in enumerate(np.unique([edges.a[near], edges.b[near]]).tolist()):
        keys[at] = key_of_row(references, int(rows[at]))
        if number % READ_GENOMES == READ_GENOMES - 1:
            references.let_go()
    lengths = edges.length.copy()
    for at in near.tolist():
        a, b = int(edges.a[at]), int(edges.b[at])
        longer = max(references.length_bp(int(rows[a])), references.length_bp(int(rows[b])))
        one_base = 100 - one_base_less(longer)
        lengths[at] = 0 if keys[a] == keys[b] else max(lengths[at], one_base)
    return Edges(edges.a, edges.b, lengths)


def _partners(count: int, a: Rows, b: Rows, length: npt.NDArray[np.float64]) -> list[list[tuple[float, int]]]:
    """Each genome's edges, as length and other end."""
    partners: list[list[tuple[float, int]]] = [[] for _ in range(count)]
    for one, other, difference in zip(a.tolist(), b.tolist(), length.tolist(), strict=True):
        partners[one].append((difference, other))
        partners[other].append((difference, one))
    return partners


def _representatives(partners: list[list[tuple[float, int]]], order: Rows) -> list[tuple[int, float]]:
    """Position of each genome's representative, and the difference to it in percent; `order`: best first."""
    is_representative = np.zeros(len(partners), bool)
    representatives = [(at, 0.0) for at in range(len(partners))]
    for at in order.tolist():
        near = [(difference, other) for difference, other in partners[at] if is_representative[other]]
        if near:
            difference, other = min(near)
            representatives[at] = other, difference
        else:
            is_representative[at] = True
    return representatives


def as_tsv(members: list[Member]) -> Iterator[str]:
    """One row for each genome: id, representative, ANI to it."""
    yield tsv.row(("genome_id", "representative", "ani"))
    yield from tsv.rows((member.id, member.representative, f"{member.ani:g}") for member in members)
