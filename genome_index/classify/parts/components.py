"""Components: the parts of a query's sequence, by the species whose genomes share their k-mers.

The sequence is cut into windows, small contigs and all. Each window is looked up in the inverted index of
k-mers: it is of the species whose genomes share most of it, of the call's own species where that shares about
as much, or of nothing that the index has. Where the closest reference is far from the whole query, windows of
another family are told by less: each shares k-mers with that family alone. Bases are counted, not windows.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

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
LEAST_WINDOWS = 2  # of a name, for it to be a component; of thousands of names one may resemble a window,
# but not as near as genomes of one species, and it alone: such a window is enough
LEAST_KMERS = 4  # in a window; with fewer it says nothing
LEAST_SHARED = 2  # of them, for a window to be explained; one may be chance
LEAST_IDENTITY = 0.85  # estimated from them, for a window to be explained
SPECIES_IDENTITY = 0.95  # of a window to genomes of its species, as of whole genomes
LEAST_SHARE = 0.01  # of the sequence; smaller components are not listed

Rows = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int32]
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
    index: Index, genome: Genome, closest_row: int, is_far: bool = False, hidden: Collection[int] = ()
) -> Components | None:
    """The components of a genome whose closest reference is `closest_row`; None if no window has k-mers.

    Of a query that is far from it, `is_far`, windows of its family count as its own. References among
    `hidden` are left out.
    """
    lookup = _Lookup(index, closest_row, hidden, is_far)
    own, own_species, unexplained, bases = 0, 0, 0, 0
    foreign: dict[tuple[str, str], list[_Part]] = {}
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
            foreign.setdefault((part.rank, part.name), []).append(replace(part, length_bp=length))
    if not bases:
        return None
    enough = {name: parts for name, parts in foreign.items() if _is_enough(parts)}
    listed = sorted((_component(*name, parts, bases) for name, parts in enough.items()), key=_largest_first)
    return Components(own / bases, own_species / bases, tuple(listed), unexplained / bases)


def _is_enough(parts: Sequence[_Part]) -> bool:
    """Whether windows of one name show that it is there."""
    is_sure = any(part.is_alone and part.identity >= SPECIES_IDENTITY for part in parts)
    return is_sure or len(parts) >= LEAST_WINDOWS


def _component(rank: str, name: str, parts: Sequence[_Part], bases: int) -> Component:
    lengths = [part.length_bp for part in parts]
    identity = np.average([part.identity for part in parts], weights=lengths)
    return Component(name, rank, sum(lengths) / bases, float(identity))


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
    is_alone: bool = False  # whether it shares k-mers with one family, and none with the own
    length_bp: int = 0


class _Lookup:
    """Looks windows up in the k-mers of an index, beside the closest reference of the whole query."""

    def __init__(self, index: Index, closest_row: int, hidden: Collection[int], is_far: bool) -> None:
        self._index, self._limits = index, index.kmers.limits
        self._is_far, self._least = is_far, SPECIES_IDENTITY if is_far else FOREIGN_IDENTITY
        self._usable = index.model.live.copy()
        self._usable[list(hidden)] = False
        unknown = np.full(len(index.model.live), UNKNOWN, np.int32)
        levels = index.model.levels
        self._codes = {
            rank: levels[rank].codes if rank in levels else unknown for rank in ("species", "genus", "family")
        }
        self._row = closest_row
        self._broad = "genus" if self._code("family") == UNKNOWN else "family"

    def part(self, window: Genome) -> _Part | None:
        """What a window is; None if it has too few k-mers."""
        hashes = hash_sketch(window, self._index.spec)
        if len(hashes) < LEAST_KMERS:
            return None
        sharing, shared = self._sharing(hashes)
        rows, identity = self._near(hashes, sharing, shared)
        if not len(rows):
            return _Part(is_unexplained=True)
        is_own = (rows == self._row) | self._are_own("species", rows)
        is_relative = is_own | self._are_own("genus", rows)
        part = None
        if self._code("genus") != UNKNOWN:
            part = self._foreign(rows, identity, is_relative, "genus", self._least)
        if part is None and self._code("species") != UNKNOWN:
            part = self._foreign(rows, identity, is_own, "species", SPECIES_IDENTITY)
        is_alone = self._is_alone(rows, sharing)
        if part is None and is_alone and self._is_far:
            part = self._named(self._broad, int(identity.argmax()), rows, identity)
        if part is not None:
            return replace(part, is_alone=is_alone)
        is_kin = is_relative | self._are_own(self._broad, rows) if self._is_far else is_relative
        own = float(np.max(identity, where=is_kin, initial=0))
        return _Part(is_own=own > 0, is_unexplained=own == 0, identity=own)

    def _code(self, rank: str) -> int:
        """The code of the closest reference at a rank."""
        return int(self._codes[rank][self._row])

    def _are_own(self, rank: str, rows: Rows) -> Flags:
        """Whether rows have the closest reference's name at a rank: (S,)."""
        codes = self._codes[rank][rows]
        return np.asarray((codes == self._code(rank)) & (codes != UNKNOWN))

    def _sharing(self, hashes: Hashes) -> tuple[Rows, Counts]:
        """Usable rows that share k-mers with a window, and how many: (R,), (R,)."""
        rows, shared = self._index.kmers.shared(hashes)
        is_usable = self._usable[rows]
        return rows[is_usable], shared[is_usable]

    def _near(self, hashes: Hashes, rows: Rows, shared: Counts) -> tuple[Rows, Floats]:
        """Those rows that share enough, and the identity that this shows: (S,), (S,)."""
        size = np.searchsorted(hashes, self._limits[rows])
        enough = (shared >= LEAST_SHARED) & (size >= LEAST_KMERS)
        rows = rows[enough]
        identity = (shared[enough] / size[enough]) ** (1 / self._index.spec.sketch_k)
        return rows[identity >= LEAST_IDENTITY], identity[identity >= LEAST_IDENTITY]

    def _is_alone(self, rows: Rows, sharing: Rows) -> bool:
        """Whether all near rows are of one other family, and no row of the own shares a k-mer."""
        names = np.unique(self._codes[self._broad][rows])
        is_one = len(names) == 1 and names[0] not in (UNKNOWN, self._code(self._broad))
        is_known = self._code(self._broad) != UNKNOWN
        return bool(is_one and is_known and not self._are_own(self._broad, sharing).any())

    def _foreign(self, rows: Rows, identity: Floats, is_own: Flags, rank: str, least: float) -> _Part | None:
        """The nearest name other than the own at a rank, if it is near, and clearly nearer; else None."""
        others = np.flatnonzero(~is_own & (self._codes[rank][rows] != UNKNOWN))
        if not len(others):
            return None
        best = int(others[identity[others].argmax()])
        lead = identity[best] - np.max(identity, where=is_own, initial=0)
        if identity[best] < least or lead < FOREIGN_LEAD:
            return None
        finest = "species" if self._codes["species"][rows[best]] != UNKNOWN else "genus"
        return self._named(finest, best, rows, identity)

    def _named(self, rank: str, at: int, rows: Rows, identity: Floats) -> _Part:
        """A part with the name of one of the rows at a rank."""
        name = self._index.model.levels[rank].names[int(self._codes[rank][rows[at]])]
        return _Part(rank=rank, name=name, identity=float(identity[at]))
