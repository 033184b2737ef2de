"""Parts: what one window of a query is, by the k-mers that it shares with the genomes of an index."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.index.audit.foreign_contigs import FOREIGN_IDENTITY, FOREIGN_LEAD
from genome_index.index.index import Index
from genome_index.index.store.sketches import hash_sketch
from genome_index.records import Genome
from genome_index.taxonomy.levels import UNKNOWN

LEAST_KMERS = 4  # in a window; with fewer it says nothing
LEAST_SHARED = 2  # of them, for a window to be explained; one may be chance
LEAST_IDENTITY = 0.85  # estimated from them, for a window to be explained
SPECIES_IDENTITY = 0.95  # of a window to genomes of its species, as of whole genomes

Rows = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]
Hashes = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Part:
    """What one window is."""

    length_bp: int
    is_own: bool = False
    is_unexplained: bool = False
    rank: str = ""  # of the name, where the window is foreign
    name: str = ""
    identity: float = 0.0  # to the nearest genome of that name, or of the own species
    is_alone: bool = False  # whether it shares k-mers with one family, and none with the own


class WindowLookup:
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

    def part(self, window: Genome) -> Part | None:
        """What a window is; None if it has too few k-mers."""
        hashes = hash_sketch(window, self._index.spec)
        if len(hashes) < LEAST_KMERS:
            return None
        sharing, shared = self._sharing(hashes)
        rows, identity = self._near(hashes, sharing, shared)
        is_alone = self._is_alone(rows, sharing)
        other = self._other(rows, identity, is_alone)
        if other is None:
            own = float(np.max(identity, where=self._are_kin(rows), initial=0))
            return Part(window.length_bp, is_own=own > 0, is_unexplained=own == 0, identity=own)
        rank, at = other
        name = self._index.model.levels[rank].names[int(self._codes[rank][rows[at]])]
        return Part(
            window.length_bp, rank=rank, name=name, identity=float(identity[at]), is_alone=is_alone
        )  # fmt: skip

    def _code(self, rank: str) -> int:
        """The code of the closest reference at a rank."""
        return int(self._codes[rank][self._row])

    def _are_own(self, rank: str, rows: Rows) -> Flags:
        """Whether rows have the closest reference's name at a rank: (S,)."""
        codes = self._codes[rank][rows]
        return np.asarray((codes == self._code(rank)) & (codes != UNKNOWN))

    def _are_of_species(self, rows: Rows) -> Flags:
        return np.asarray((rows == self._row) | self._are_own("species", rows))

    def _are_kin(self, rows: Rows) -> Flags:
        """Whether rows are of the own species or genus, or, of a far query, of the own family: (S,)."""
        rank = self._broad if self._is_far else "genus"
        return self._are_of_species(rows) | self._are_own("genus", rows) | self._are_own(rank, rows)

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

    def _other(self, rows: Rows, identity: Floats, is_alone: bool) -> tuple[str, int] | None:
        """The rank and the position of the name other than the own that a window is of; else None."""
        are_of_species = self._are_of_species(rows)
        at = self._nearest_other("genus", rows, identity, are_of_species | self._are_own("genus", rows))
        if at is None:
            at = self._nearest_other("species", rows, identity, are_of_species)
        if at is not None:
            return "species" if self._codes["species"][rows[at]] != UNKNOWN else "genus", at
        return (self._broad, int(identity.argmax())) if is_alone and self._is_far else None

    def _nearest_other(self, rank: str, rows: Rows, identity: Floats, is_own: Flags) -> int | None:
        """The nearest row of another name at a rank, if it is near, and clearly nearer; else None."""
        others = np.flatnonzero(~is_own & (self._codes[rank][rows] != UNKNOWN))
        if self._code(rank) == UNKNOWN or not len(others):
            return None
        best = int(others[identity[others].argmax()])
        lead = identity[best] - np.max(identity, where=is_own, initial=0)
        least = self._least if rank == "genus" else SPECIES_IDENTITY
        return best if identity[best] >= least and lead >= FOREIGN_LEAD else None
