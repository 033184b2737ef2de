"""A collection without its near repeats: one representative for genomes that are as alike as asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.collection.clusters import edges_of
from genome_index.errors import UsageError
from genome_index.index.index import Index
from genome_index.index.neighbours import live_rows, neighbour_hits
from genome_index.io import tsv

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Member:
    """One genome and the representative that stands for it; its own, with ANI 100, if it is one."""

    id: str
    representative: str
    ani: float  # percent, to the representative


def dereplicate(index: Index, ani: float) -> list[Member]:
    """Every live genome, in the index's order: greedy, longest first, as skani and dRep users know it.

    A genome is represented by the first kept one with at least so much ANI to it (or, where ANI has no
    signal, identity by shared words), so no two representatives are that near as far as the index knows.

    Raises
    ------
    UsageError
        `ani` is no percentage that ANI can have.
    """
    if not 80 <= ani <= 100:
        raise UsageError(f"--ani {ani:g}: give a percentage from 80 to 100")
    rows = live_rows(index)
    edges = edges_of(rows, neighbour_hits(index, rows), by_identity=True).within(100 - ani)
    entries = {entry.row: entry for entry in index.catalog.entries()}
    lengths = np.array([entries[row].length_bp for row in rows.tolist()])
    stands = _representatives(len(rows), _partners(len(rows), edges.a, edges.b, edges.length), lengths)
    ids = [entries[row].id for row in rows.tolist()]
    return [Member(ids[at], ids[other], round(100 - lack, 3)) for at, (other, lack) in enumerate(stands)]


def _partners(count: int, a: Rows, b: Rows, length: npt.NDArray[np.float64]) -> list[list[tuple[float, int]]]:
    found: list[list[tuple[float, int]]] = [[] for _ in range(count)]
    for one, other, lack in zip(a.tolist(), b.tolist(), length.tolist(), strict=True):
        found[one].append((lack, other))
        found[other].append((lack, one))
    return found


def _representatives(
    count: int, partners: list[list[tuple[float, int]]], lengths: Rows
) -> list[tuple[int, float]]:
    """Position of each one's representative, and what lacks to it."""
    kept = np.zeros(count, bool)
    stands = [(at, 0.0) for at in range(count)]
    for at in np.lexsort((np.arange(count), -lengths)).tolist():
        near = [(lack, other) for lack, other in partners[at] if kept[other]]
        if near:
            lack, other = min(near)
            stands[at] = other, lack
        else:
            kept[at] = True
    return stands


def as_tsv(members: list[Member]) -> Iterator[str]:
    """Every genome, its representative, and ANI to it."""
    yield tsv.row(("genome_id", "representative", "ani"))
    yield from tsv.rows((member.id, member.representative, f"{member.ani:g}") for member in members)
