"""Components: the parts of a query's sequence, by the species whose genomes share their k-mers.

The sequence is cut into windows, small contigs and all. Each window is looked up in the inverted index of
k-mers: it is of the species whose genomes share most of it, of the call's own species where that shares about
as much, or of nothing that the index has. Bases are counted, not windows.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.classify.parts.windows import cut_windows
from genome_index.index.audit.foreign_contigs import FOREIGN_IDENTITY, FOREIGN_LEAD
from genome_index.index.index import Index
from genome_index.index.store.sketches import hash_sketch
from genome_index.records import Component, Genome
from genome_index.taxonomy.levels import UNKNOWN

WINDOW_BP, SMALL_WINDOW_BP = 5_000, 300  # of a large and a small genome: some 25 and 35 sampled k-mers
MOST_WINDOWS = 400  # spread evenly over all of the sequence; a share of 5 % is then known within 2 points
LEAST_WINDOWS = 2  # of a name, for it to be a component; of thousands of names one may resemble a window
LEAST_KMERS = 4  # in a window; with fewer it says nothing
LEAST_SHARED = 2  # of them, for a window to be explained; one may be chance
LEAST_IDENTITY = 0.85  # estimated from them, for a window to be explained
SPECIES_IDENTITY = 0.95  # of a window to genomes of its species, as of whole genomes
LEAST_SHARE = 0.01  # of the sequence; smaller components are not listed

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Hashes = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Components:
    """The components of one query, as shares of the bases in windows that were looked at."""

    own: float  # the call's own species, and all that resembles it about as much as any other
    own_species: float  # the part of it that is as near as genomes of one species are
    foreign: tuple[Component, ...]  # other species, the largest first
    unexplained: float  # near to no genome of the closest reference's genus, and clearly near to no other

    @property
    def foreign_share(self) -> float:
        return sum(component.share for component in self.foreign)


def components_of(
    index: Index, genome: Genome, closest_row: int, least: float = FOREIGN_IDENTITY,
    hidden: Collection[int] = (),
) -> Components | None:  # fmt: skip
    """The components of a genome whose closest reference is `closest_row`; None if no window has k-mers.

    A window is of another genus if its identity to that is at least `least`. References among `hidden` are
    left out.
    """
    lookup = _Lookup(index, closest_row, hidden, least)
    own, own_species, unexplained, bases = 0, 0, 0, 0
    foreign: dict[tuple[str, str], list[tuple[int, float]]] = {}
    is_small = genome.length_bp <= index.spec.small_bp and index.references.is_small(closest_row)
    for window in cut_windows(genome, SMALL_WINDOW_BP if is_small else WINDOW_BP, MOST_WINDOWS):
        part = lookup.part(window)
        if part is None:
            continue
        length = window.length_bp
        bases += length
        own += length if part.is_own else 0
        own_species += length if part.is_own and part.identity >= SPECIES_IDENTITY else 0
        unexplained += length if part.is_unexplained else 0
        if part.name:
            foreign.setdefault((part.rank, part.name), []).append((length, part.identity))
    if not bases:
        return None
    several = {name: parts for name, parts in foreign.items() if len(parts) >= LEAST_WINDOWS}
    listed = sorted((_component(*name, parts, bases) for name, parts in several.items()), key=_largest_first)
    return Components(own / bases, own_species / bases, tuple(listed), unexplained / bases)


def _component(rank: str, name: str, parts: list[tuple[int, float]], bases: int) -> Component:
    lengths, identities = zip(*parts, strict=True)
    return Component(name, rank, sum(lengths) / bases, float(np.average(identities, weights=lengths)))


def _largest_first(component: Component) -> tuple[float, str]:
    return -component.share, component.name


# -- lookup --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Part:
    """What one window is."""

    is_own: bool = False
    is_unexplained: bool = False
    rank: str = ""  # of the name, where the window is foreign
    name: str = ""
    identity: float = 0.0  # to the nearest genome of that name, or of the own species


class _Lookup:
    """Looks windows up in the k-mers of an index, beside the closest reference of the whole query."""

    def __init__(self, index: Index, closest_row: int, hidden: Collection[int], least: float) -> None:
        self._index, self._limits = index, index.kmers.limits
        self._least = least
        self._usable = index.model.live.copy()
        self._usable[list(hidden)] = False
        unknown = np.full(len(index.model.live), UNKNOWN, np.int32)
        levels = index.model.levels
        self._codes = {
            rank: levels[rank].codes if rank in levels else unknown for rank in ("species", "genus")
        }
        self._row = closest_row
        self._species = int(self._codes["species"][closest_row])
        self._genus = int(self._codes["genus"][closest_row])

    def part(self, window: Genome) -> _Part | None:
        """What a window is; None if it has too few k-mers."""
        hashes = hash_sketch(window, self._index.spec)
        if len(hashes) < LEAST_KMERS:
            return None
        rows, identity = self._identities(hashes)
        if not len(rows):
            return _Part(is_unexplained=True)
        species, genus = self._codes["species"][rows], self._codes["genus"][rows]
        is_own = (rows == self._row) | ((species == self._species) & (species != UNKNOWN))
        is_relative = is_own | ((genus == self._genus) & (genus != UNKNOWN))
        part = None
        if self._genus != UNKNOWN:
            part = self._foreign(rows, identity, is_relative, genus != UNKNOWN, self._least)
        if part is None and self._species != UNKNOWN:
            part = self._foreign(rows, identity, is_own, species != UNKNOWN, SPECIES_IDENTITY)
        own = float(np.max(identity, where=is_relative, initial=0))
        return part or _Part(is_own=own > 0, is_unexplained=own == 0, identity=own)

    def _identities(self, hashes: Hashes) -> tuple[Rows, Floats]:
        """Rows that share enough k-mers with a window, and the identity that this shows: (S,), (S,)."""
        rows, shared = self._index.kmers.shared(hashes)
        size = np.searchsorted(hashes, self._limits[rows])
        enough = (shared >= LEAST_SHARED) & (size >= LEAST_KMERS) & self._usable[rows]
        rows = rows[enough]
        identity = (shared[enough] / size[enough]) ** (1 / self._index.spec.sketch_k)
        return rows[identity >= LEAST_IDENTITY], identity[identity >= LEAST_IDENTITY]

    def _foreign(
        self, rows: Rows, identity: Floats, is_own: Flags, is_named: Flags, least: float
    ) -> _Part | None:
        """The nearest other name, if it is near, and clearly nearer than the own; else None."""
        others = np.flatnonzero(~is_own & is_named)
        if not len(others):
            return None
        best = int(others[identity[others].argmax()])
        lead = identity[best] - np.max(identity, where=is_own, initial=0)
        if identity[best] < least or lead < FOREIGN_LEAD:
            return None
        rank = "species" if self._codes["species"][rows[best]] != UNKNOWN else "genus"
        name = self._index.model.levels[rank].names[int(self._codes[rank][rows[best]])]
        return _Part(rank=rank, name=name, identity=float(identity[best]))
