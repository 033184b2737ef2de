"""The nearest genomes of each genome, and the nearest species of each species."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from genome_index.index.calibration.hits import Hits, score
from genome_index.records import Entry, rounded
from genome_index.taxonomy.levels import UNKNOWN

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

NEAREST = 10  # genomes, or species, listed for each
NOT_MEASURED = -1.0  # orders pairs without ANI, which is below the range or was not measured, last
SWAPPED = [0, 1, 2, 4, 3]  # the values of a pair in the other direction

Measured = tuple[float, float, float | None, float | None, float | None]


@dataclass(frozen=True)
class NearGenome:
    """A reference near to a genome of the index."""

    id: str
    species: str | None
    similarity: float  # cosine, 1.0 = same direction
    kmer_identity: float  # 0 to 1, estimated from shared 21-mers; 0.6 if none is shared
    ani: float | None  # percent; None if skani has none (far below 80) or it was not measured
    af_query: float | None  # percent of the genome that is aligned
    af_reference: float | None  # percent of the reference that is aligned


@dataclass(frozen=True)
class NearSpecies:
    """A species near to another species, by the nearest known pair of their genomes."""

    name: str
    genome: str  # id of the genome of the species in question
    reference: str  # id of the genome of the near species
    similarity: float  # of the two genomes, as in NearGenome
    kmer_identity: float
    ani: float | None
    af_query: float | None  # percent of `genome`
    af_reference: float | None  # percent of `reference`


@dataclass(frozen=True)
class Edges:
    """E ordered pairs of genomes, by row."""

    query: Rows  # (E,)
    reference: Rows  # (E,)
    values: Floats  # (E, 5) in the order of `Measured`; NaN for None

    def take(self, at: Rows) -> Edges:
        return Edges(self.query[at], self.reference[at], self.values[at])


class NearGenomes:
    """The nearest genomes of each genome; `hits` are in the order of the genomes."""

    def __init__(self, entries: Mapping[int, Entry], hits: Hits) -> None:
        few = (np.array(getattr(hits, one.name)[:, :NEAREST]) for one in fields(hits))
        self._entries, self._hits = entries, Hits(*few)

    def of(self, at: int) -> tuple[NearGenome, ...]:
        """The nearest genomes of the genome at a position, nearest first."""
        rows, values = self._hits.rows[at].tolist(), _values(self._hits)[at]
        near = [
            (self._entries[row], measured(one)) for row, one in zip(rows, values, strict=True) if row >= 0
        ]
        return tuple(NearGenome(entry.id, entry.lineage.name("species"), *known) for entry, known in near)


def between_species(rows: Rows, hits: Hits, codes: Rows) -> Edges:
    """Pairs of genomes of different species, in both directions.

    Parameters
    ----------
    rows : (L,) rows of the genomes
    hits : (L, K) their hits
    codes : (N,) species by row, UNKNOWN for none
    """
    query, reference = np.repeat(rows, hits.rows.shape[1]), hits.rows.ravel()
    named = (reference >= 0) & (codes[query] != UNKNOWN) & (codes[reference] != UNKNOWN)
    across = np.flatnonzero(named & (codes[query] != codes[reference]))
    query, reference, values = query[across], reference[across], _values(hits).reshape(-1, 5)[across]
    return Edges(
        np.concatenate([query, reference]), np.concatenate([reference, query]),
        np.concatenate([values, values[:, SWAPPED]]),
    )  # fmt: skip


def nearest_species(edges: Edges, codes: Rows) -> Edges:
    """The nearest pair with each of the NEAREST other species, ordered by species and nearness.

    The nearest pair has the highest ANI; pairs without ANI follow, by score.
    """
    a, b = codes[edges.query], codes[edges.reference]
    ani = np.nan_to_num(edges.values[:, 2], nan=NOT_MEASURED)
    order = np.lexsort((-score(edges.values[:, 0], edges.values[:, 1]), -ani, a))
    _, first = np.unique(
        (a * len(codes) + b)[order], return_index=True
    )  # there are at most as many species as genomes
    best = order[np.sort(first)]
    place = np.arange(len(best)) - np.searchsorted(a[best], a[best])
    return edges.take(best[place < NEAREST])


def measured(values: Floats) -> Measured:
    """The values of a pair, rounded: (5,) -> similarity, k-mer identity, ANI, AF of query and reference."""
    similarity, kmer_identity, *identity = values.tolist()
    ani, af_query, af_reference = (None if np.isnan(one) else one for one in identity)
    return (
        round(similarity, 4), round(kmer_identity, 4), rounded(ani, 2), rounded(af_query, 1),
        rounded(af_reference, 1),
    )  # fmt: skip


def _values(hits: Hits) -> Floats:
    """The values of hits in the order of `Measured`: (Q, K, 5)."""
    return np.stack(
        [hits.similarity, hits.kmer_identity, hits.ani, hits.af_query, hits.af_reference], axis=-1
    )
