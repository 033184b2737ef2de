"""Transfer direction: which of two references with a shared stretch has it from the other, by relatives."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from genome_index.index.audit.relatives_vote import Direction, Votes, direction, votes_of
from genome_index.index.audit.shared_kmers import KmerSharers, shared_with
from genome_index.index.contents import Contents
from genome_index.index.store.sketches import sample_kmers
from genome_index.io.kernels.kernel import kernel
from genome_index.taxonomy.levels import UNKNOWN

Bytes = npt.NDArray[np.uint8]
Rows = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]

MOBILE = "plasmid"  # plasmids have many a stretch that their relatives lack
CACHED_SKETCHES = 256  # 4 MB of mitogenomes, 50 MB of bacteria


class SharedKmers:
    """K-mers shared by references of different genera, and which of two received a shared stretch."""

    def __init__(self, contents: Contents, sharers: KmerSharers) -> None:
        self.contents, self._sharers = contents, sharers
        self._line = {row: at for at, row in enumerate(sharers.rows.tolist())}
        self._genus = contents.codes("genus")
        self.hashes = lru_cache(maxsize=CACHED_SKETCHES)(contents.references.hashes)

    def genus(self, row: int) -> int:
        return int(self._genus[row])

    def of_other_genera(self, a: int, b: int) -> bool:
        """Whether two genomes are known to be of two genera; one without a genus is not."""
        return UNKNOWN not in (self.genus(a), self.genus(b)) and self.genus(a) != self.genus(b)

    def sources(self, row: int, least: float) -> list[int]:
        """Genomes of other genera that have at least this share of a genome's k-mers, in the sample."""
        at = self._line[row]
        sharers = zip(self._sharers.others[at].tolist(), self._sharers.share[at].tolist(), strict=True)
        return [other for other, share in sharers if other >= 0 and share >= least]

    def places(self, row: int, bases: bytes, ends: Rows) -> tuple[Rows, Rows]:
        """K-mers of P parts of a genome, as places in its sketch, and their parts: (P + 1,) -> (W,), (W,).

        `ends` are where the parts start in `bases`, and where the last one ends.
        """
        limit = np.uint64(self.contents.references.limit(row))
        codes = np.frombuffer(bases, np.uint8)
        return _places(codes, ends, self.contents.spec.sketch_k, limit, self.hashes(row))

    def relatives(self, row: int, other: int) -> set[int]:
        """Neighbours of a genome that are not of the genus of `other`, without identical genomes."""
        return {each for each in self._near(row) - {other} if self.of_other_genera(each, other)}

    def of_same_genus(self, row: int) -> set[int]:
        """Neighbours of a genome that are known to be of its genus, without identical genomes."""
        genus = self.genus(row)
        return {each for each in self._near(row) if UNKNOWN != genus == self.genus(each)}

    def direction(self, row: int, other: int, inside: Flags) -> Direction:
        """Where `row` has the k-mers `inside` from, which are a stretch that it shares with `other`."""
        back = shared_with(self.hashes(other), self.hashes(row)[inside])
        found = direction(self._votes(row, other, inside), self._votes(other, row, back))
        is_usual = MOBILE in (self.contents.entries[row].molecule, self.contents.entries[other].molecule)
        return Direction.UNCLEAR if found is Direction.ELSEWHERE and is_usual else found

    def _near(self, row: int) -> set[int]:
        """The neighbours of a genome by vector and by shared k-mers, without identical genomes."""
        near = set(self.contents.model.neighbours.rows[row].tolist())
        if row in self._line:
            near |= set(self._sharers.near[self._line[row]].tolist())
        sha256 = self.contents.entries[row].sha256
        return {
            each
            for each in near - {-1, row}
            if self.contents.model.live[each] and self.contents.entries[each].sha256 != sha256
        }

    def _votes(self, row: int, other: int, inside: Flags) -> Votes:
        relatives = sorted(self.relatives(row, other))
        return votes_of(self.hashes(row), inside, (self.hashes(relative) for relative in relatives))


@kernel
def _places(bases: Bytes, ends: Rows, k: int, limit: np.uint64, own: Hashes) -> tuple[Rows, Rows]:
    """Places in a sorted sketch of the sampled k-mers between each two ends; a k-mer counts once a part.

    In a genome of nothing but repeats the last parts may get none.
    """
    first, shift = _prefix_starts(own)
    seen_in = np.full(own.size, -1, np.int64)
    places, parts = np.empty(4 * own.size + 1024, np.int64), np.empty(4 * own.size + 1024, np.int64)
    room = np.empty(4 * own.size + 1024, np.uint64)
    filled = 0
    for part in range(ends.size - 1):
        count = sample_kmers(bases[ends[part] : ends[part + 1]], k, limit, room)
        for kmer_hash in room[: min(count, room.size)]:
            prefix = np.int64(kmer_hash >> shift)
            place = first[prefix] if prefix < first.size else own.size
            while place < own.size and own[place] < kmer_hash:
                place += 1
            if (
                place < own.size
                and own[place] == kmer_hash
                and seen_in[place] != part
                and filled < places.size
            ):
                seen_in[place] = part
                places[filled], parts[filled] = place, part
                filled += 1
    return places[:filled], parts[:filled]


@kernel
def _prefix_starts(own: Hashes) -> tuple[Rows, np.uint64]:
    """Where the hashes of each prefix start, and by how many bits a hash is shifted to get its prefix.

    Sampled hashes are spread evenly, so a lookup takes a step or two instead of a search.
    """
    shift = np.uint64(0)
    while (own[-1] >> shift) >= np.uint64(2 * own.size):
        shift += np.uint64(1)
    first = np.empty(np.int64(own[-1] >> shift) + 1, np.int64)
    place = 0
    for prefix in range(first.size):
        while place < own.size and (own[place] >> shift) < np.uint64(prefix):
            place += 1
        first[prefix] = place
    return first, shift
