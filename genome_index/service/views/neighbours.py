"""The nearest genomes of each genome, and species of each species, from the hits that an index keeps."""

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

NEAREST = 10  # genomes, or species, that are told of each
NOT_MEASURED = -1.0  # stands for an ANI below the range, or never measured, where pairs are put in order
TURNED = [0, 1, 2, 4, 3]  # values of a pair, told from its other end

Measured = tuple[float, float, float | None, float | None, float | None]


@dataclass(frozen=True)
class NearGenome:
    """A reference near to a genome of the index."""

    id: str
    species: str | None
    similarity: float  # cosine, 1.0 = same direction
    kmer_identity: float  # identity, 0 to 1, estimated from shared 21-mers; 0.6 stands for none
    ani: float | None  # percent; None where skani has none (far below 80), or it was not asked
    af_own: float | None  # percent of the genome that is aligned
    af_other: float | None  # percent of the reference that is


@dataclass(frozen=True)
class NearSpecies:
    """A species near to another, by the nearest pair of their genomes that the index knows."""

    name: str
    own: str  # id of the pair's genome of this species, and of the other
    other: str
    similarity: float  # of these two, as in NearGenome
    kmer_identity: float
    ani: float | None
    af_own: float | None
    af_other: float | None


@dataclass(frozen=True)
class Edges:
    """E pairs of genomes, from one end to the other."""

    own: Rows  # (E,)
    other: Rows  # (E,)
    values: Floats  # (E, 5) as they stand in `Measured`; NaN for None

    def take(self, at: Rows) -> Edges:
        return Edges(self.own[at], self.other[at], self.values[at])


class NearGenomes:
    """The first hits of each genome; what is asked for by its position among `rows`."""

    def __init__(self, entries: Mapping[int, Entry], hits: Hits) -> None:
        few = (np.array(getattr(hits, one.name)[:, :NEAREST]) for one in fields(hits))
        self._entries, self._hits = entries, Hits(*few)

    def of(self, at: int) -> tuple[NearGenome, ...]:
        rows, values = self._hits.rows[at].tolist(), _values(self._hits)[at]
        near = [
            (self._entries[row], measured(one)) for row, one in zip(rows, values, strict=True) if row >= 0
        ]
        return tuple(NearGenome(entry.id, entry.lineage.name("species"), *known) for entry, known in near)


def between_species(rows: Rows, hits: Hits, codes: Rows) -> Edges:
    """Pairs of different species, each from both of its ends: (L,) rows, (L, K) hits, (N,) species by row."""
    own, other = np.repeat(rows, hits.rows.shape[1]), hits.rows.ravel()
    named = (other >= 0) & (codes[own] != UNKNOWN) & (codes[other] != UNKNOWN)
    across = np.flatnonzero(named & (codes[own] != codes[other]))
    own, other, values = own[across], other[across], _values(hits).reshape(-1, 5)[across]
    return Edges(
        np.concatenate([own, other]), np.concatenate([other, own]),
        np.concatenate([values, values[:, TURNED]]),
    )  # fmt: skip


def nearest_species(edges: Edges, codes: Rows) -> Edges:
    """The nearest pair with each of the NEAREST other species, by species and from the nearest on.

    Nearest is the highest ANI, and among those without one the highest score.
    """
    a, b = codes[edges.own], codes[edges.other]
    ani = np.nan_to_num(edges.values[:, 2], nan=NOT_MEASURED)
    order = np.lexsort((-score(edges.values[:, 0], edges.values[:, 1]), -ani, a))
    _, first = np.unique((a * len(codes) + b)[order], return_index=True)  # species are no more than genomes
    best = order[np.sort(first)]
    place = np.arange(len(best)) - np.searchsorted(a[best], a[best])
    return edges.take(best[place < NEAREST])


def measured(values: Floats) -> Measured:
    """Numbers as they are told: (5,) -> similarity, shared words, ANI, AF of the own end and of the other."""
    similarity, words, *identity = values.tolist()
    ani, af_own, af_other = (None if np.isnan(one) else one for one in identity)
    return (
        round(similarity, 4), round(words, 4), rounded(ani, 2), rounded(af_own, 1), rounded(af_other, 1),
    )  # fmt: skip


def _values(hits: Hits) -> Floats:
    """(Q, K, 5)."""
    return np.stack(
        [hits.similarity, hits.kmer_identity, hits.ani, hits.af_query, hits.af_reference], axis=-1
    )
