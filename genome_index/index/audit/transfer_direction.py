"""Which of two genomes that share a stretch has it from the other.

Third genomes tell: the kin of a true genome shares words inside and outside of the stretch alike, that of a
genome with a part from elsewhere only outside.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from numba import njit

from genome_index.index.audit.shared_kmers import Sharers, held_in
from genome_index.index.contents import Contents
from genome_index.index.store.sketches import sample_words
from genome_index.taxonomy.levels import UNKNOWN

Bytes = npt.NDArray[np.uint8]
Rows = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]

KIN = 0.3  # kin that is this much thinner inside the stretch than outside belongs to the rest
LEAST_KIN = 0.02  # share of the rest's words that kin must have, to say so
LEAST_WORDS = 8  # of a stretch, to be judged
HELD = 256  # sketches held at a time: 4 MB of mitogenomes, 50 MB of bacteria


class Kinship:
    """Sketches of references, and what those near to them say of a part of one."""

    def __init__(self, contents: Contents, sharing: Sharers) -> None:
        self.contents, self._sharing = contents, sharing
        self._line = {row: at for at, row in enumerate(sharing.rows.tolist())}
        self._genus = contents.codes("genus")
        self.words = lru_cache(maxsize=HELD)(contents.references.hashes)

    def genus(self, row: int) -> int:
        return int(self._genus[row])

    def of_other_genera(self, a: int, b: int) -> bool:
        """Whether they are named as of two genera; what has no name is not known to be of another."""
        return UNKNOWN not in (self.genus(a), self.genus(b)) and self.genus(a) != self.genus(b)

    def sources(self, row: int, least: float) -> list[int]:
        """Genomes of other genera that have at least this share of its words, as far as a sample tells."""
        at = self._line[row]
        return [
            one
            for one, share in zip(
                self._sharing.others[at].tolist(), self._sharing.share[at].tolist(), strict=True
            )
            if one >= 0 and share >= least
        ]

    def places(self, row: int, whole: bytes, ends: Rows) -> tuple[Rows, Rows]:
        """Where in its sketch the words of P parts of a genome are, and the part: (P + 1,) -> (W,), (W,)."""
        limit = np.uint64(self.contents.references.limit(row))
        return _cut(np.frombuffer(whole, np.uint8), ends, self.contents.spec.sketch_k, limit, self.words(row))

    def kin(self, row: int, other: int) -> set[int]:
        """Who is near a genome and not of the genus of `other`; its exact copies have the same stretch."""
        near = {one for one in self.contents.model.neighbours.rows[row].tolist() if one >= 0}
        if row in self._line:
            near |= {one for one in self._sharing.near[self._line[row]].tolist() if one >= 0}
        own = self.contents.entries[row].sha256
        return {
            one
            for one in near - {row, other}
            if self.contents.model.live[one]
            and self.of_other_genera(one, other)
            and self.contents.entries[one].sha256 != own
        }

    def has_it_from(self, row: int, other: int, inside: Flags) -> bool | None:
        """Whether `row` has the words `inside` from `other`, and not the other way round, if kin can tell."""
        back = held_in(self.words(other), self.words(row)[inside])
        ours, theirs = self._thinning(row, other, inside), self._thinning(other, row, back)
        if ours is not None and theirs is not None:
            return ours < theirs
        if ours is not None:
            return ours < KIN
        return theirs >= KIN if theirs is not None else None

    def _thinning(self, row: int, other: int, inside: Flags) -> float | None:
        """Share of the words inside by that outside, of the kin nearest outside: 1 for a true genome.

        0 for one that has the stretch from elsewhere; None without kin.
        """
        if inside.all() or not inside.any():
            return None
        best, found = LEAST_KIN, None
        for one in self.kin(row, other):
            shared = held_in(self.words(row), self.words(one))
            outer = float(shared[~inside].mean())
            if outer > best and outer * inside.sum() >= LEAST_WORDS:
                best, found = outer, float(shared[inside].mean()) / outer
        return found


@njit(cache=True, nogil=True)
def _cut(whole: Bytes, ends: Rows, k: int, limit: np.uint64, own: Hashes) -> tuple[Rows, Rows]:
    """Positions in a sorted sketch of the sampled words between each two ends; a word counts once a part.

    Of a genome that is nothing but repeats the last parts may get none.
    """
    first, shift = _starts(own)
    seen_in = np.full(own.size, -1, np.int64)
    places, parts = np.empty(4 * own.size + 1024, np.int64), np.empty(4 * own.size + 1024, np.int64)
    room = np.empty(4 * own.size + 1024, np.uint64)
    filled = 0
    for part in range(ends.size - 1):
        count = sample_words(whole[ends[part] : ends[part + 1]], k, limit, room)
        for word in room[: min(count, room.size)]:
            beginning = np.int64(word >> shift)
            place = first[beginning] if beginning < first.size else own.size
            while place < own.size and own[place] < word:
                place += 1
            if place < own.size and own[place] == word and seen_in[place] != part and filled < places.size:
                seen_in[place] = part
                places[filled], parts[filled] = place, part
                filled += 1
    return places[:filled], parts[:filled]


@njit(cache=True, nogil=True)
def _starts(own: Hashes) -> tuple[Rows, np.uint64]:
    """Where the words with each beginning begin, and how far to shift a word to have its beginning.

    Sampled words are spread evenly, so a lookup takes a step or two, and no search.
    """
    shift = np.uint64(0)
    while (own[-1] >> shift) >= np.uint64(2 * own.size):
        shift += np.uint64(1)
    first = np.empty(np.int64(own[-1] >> shift) + 1, np.int64)
    place = 0
    for beginning in range(first.size):
        while place < own.size and (own[place] >> shift) < np.uint64(beginning):
            place += 1
        first[beginning] = place
    return first, shift
