"""Foreign contigs: references that hold contigs of another genus, as contaminated assemblies do.

The k-mers of each larger contig are searched in genomes of other genera and in the genome's own relatives. A
contig is foreign if a genome of another genus has it, the relatives lack it, and its 4-mers resemble that
genome. A contig that relatives have too is the genome's own, and so is one whose composition resembles
neither, such as a plasmid. The search needs bases: those of large genomes are at hand while they are added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.index.audit.large_contigs import (
    MOST,
    NO_SIGNATURE_SHARE,
    WARN_SHARE,
    LargeContigs,
    examine_assemblies,
)
from genome_index.index.audit.relatives_vote import LEAST_SHARE, Direction
from genome_index.index.audit.shared_kmers import shared_with
from genome_index.index.audit.transfer_direction import SharedKmers
from genome_index.index.calibration.hits import KMER_FLOOR
from genome_index.index.store.composition import decode_windows

Rows = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]

FOREIGN_IDENTITY = 0.90  # estimated from shared k-mers, to the reference of the other genus
FOREIGN_LEAD = 0.05  # over the identity to the genome's own nearest reference
LEAST_SHARED = 0.01  # of a genome's k-mers in one of another genus, for its contigs to be examined
THIN = 0.1  # the source's share of the other contigs, over its share of the foreign ones, at most


@dataclass(frozen=True)
class ForeignContigs:
    """A reference with foreign contigs, the genome that most of them are nearest to, and their size."""

    row: int
    source_row: int
    share: float  # of the bases in contigs of LEAST_CONTIG_BP and more
    from_elsewhere: bool = False  # whether the relatives of both lack them, so that neither is their source


def find_foreign_contigs(shared: SharedKmers, subjects: Rows, threads: int = 1) -> list[ForeignContigs]:
    """The genomes among `subjects` that hold contigs of another genus, where their bases are at hand."""
    entries = shared.contents.entries
    candidates = [
        row for row in subjects.tolist() if entries[row].contigs > 1 and shared.sources(row, LEAST_SHARED)
    ]
    return examine_assemblies(
        shared, candidates, lambda row, contigs: _Assembly(shared, row, contigs).foreign_contigs(), threads
    )


class _Assembly:
    """The larger contigs of one reference, P of them, and what genomes of other genera have of them."""

    def __init__(self, shared: SharedKmers, row: int, contigs: LargeContigs) -> None:
        self._shared, self._row, self._contigs = shared, row, contigs

    def foreign_contigs(self) -> ForeignContigs | None:
        """The foreign contigs and the source of most of them; None if too few or nearly all are foreign."""
        by_name: dict[str, list[int]] = {}
        sources = self._sources()
        for source in np.unique(sources[sources >= 0]).tolist():
            by_name.setdefault(self._name(source), []).append(source)
        foreign = {name: np.isin(sources, rows) for name, rows in by_name.items()}
        bases = {
            name: int(self._contigs.lengths_bp[flags].sum())
            for name, flags in foreign.items()
            if self._are_from(by_name[name], sources, flags)
        }
        share = sum(bases.values()) / int(self._contigs.lengths_bp.sum())
        if not WARN_SHARE <= share <= MOST:
            return None
        name = max(bases, key=bases.__getitem__)
        main = self._main_source(by_name[name], sources)
        from_elsewhere = self._direction(main, foreign[name]) is Direction.ELSEWHERE
        return ForeignContigs(self._row, main, share, from_elsewhere)

    def _are_from(self, rows: Sequence[int], sources: Rows, flags: Flags) -> bool:
        """Whether contigs are from a species whose genomes are `rows`, and the other contigs are not.

        Composition decides too, even where relatives have decided: a plasmid shared by two genera may be
        missing from the relatives of both.
        """
        main = self._main_source(rows, sources)
        theirs = shared_with(self._contigs.hashes, self._shared.hashes(main))
        inside, rest = self._contigs.kmers_in(flags), self._contigs.kmers_in(sources < 0)
        if rest.any() and theirs[rest].mean() > THIN * theirs[inside].mean():
            return False
        direction = self._direction(main, flags)
        if direction in (Direction.OWN, Direction.UNCLEAR):
            return False
        if direction is Direction.DIVIDED and not self._contigs.are_unlike(flags):
            return False
        return self._resemble(main, flags) or (direction is Direction.ELSEWHERE and self._are_unlike(flags))

    def _are_unlike(self, flags: Flags) -> bool:
        """Whether contigs are unlike the others, or large where composition tells nothing."""
        is_unlike = self._contigs.are_unlike(flags)
        return self._contigs.share(flags) >= NO_SIGNATURE_SHARE if is_unlike is None else is_unlike

    def _direction(self, other: int, which: Flags) -> Direction:
        """Where the genome has some contigs from, by the relatives of both genomes."""
        return self._shared.direction(self._row, other, self._contigs.kmers_in(which))

    def _resemble(self, other: int, flags: Flags) -> bool:
        """Whether some contigs resemble a genome more than they do the other contigs, in 4-mers."""
        theirs = decode_windows(self._shared.contents.references.windows(other)).mean(axis=0)
        own, rest = (self._contigs.composition(which) for which in (flags, ~flags))
        return bool(np.linalg.norm(own - theirs) < np.linalg.norm(own - rest))

    def _sources(self) -> Rows:
        """The genome that each contig is from, -1 for the genome's own contigs: (P,).

        A genome whose own contig it is goes before another one that received it too.
        """
        contigs = len(self._contigs.lengths_bp)
        sources, best = np.full(contigs, -1), np.zeros(contigs, np.float32)
        for other in self._shared.sources(self._row, LEAST_SHARED):
            identity = self._contigs.identity(other)
            likely = identity >= FOREIGN_IDENTITY
            if likely.any():
                is_theirs = self._direction(other, likely) in (Direction.RECEIVED, Direction.DIVIDED)
                lead = identity - self._own_identity(other, likely, is_theirs)
                rank = identity + is_theirs
                better = likely & (lead >= FOREIGN_LEAD) & (rank > best)
                sources[better], best[better] = other, rank[better]
        return sources

    def _own_identity(self, other: int, likely: Flags, is_theirs: bool) -> Floats:
        """Identity of each contig to the relative that has most of it: (P,) flags -> (P,).

        Only relatives of the same genus count, and those that have some of the other contigs: any other
        genome may have received the contig from the same source. Where the contigs are those of the other
        genome, a relative that has them received them too, and none counts.
        """
        if is_theirs:
            return np.full(len(self._contigs.lengths_bp), KMER_FLOOR, np.float32)
        rest = self._contigs.kmers_in(~likely)
        best = np.full(len(self._contigs.lengths_bp), KMER_FLOOR, np.float32)
        genus = self._shared.genus(self._row)
        for relative in self._shared.relatives(self._row, other):
            flags = shared_with(self._contigs.hashes, self._shared.hashes(relative))
            if self._shared.genus(relative) == genus or (rest.any() and flags[rest].mean() >= LEAST_SHARE):
                best = np.maximum(best, self._contigs.identity(relative))
        return best

    def _main_source(self, rows: Sequence[int], sources: Rows) -> int:
        """The genome among `rows` that most bases are from."""
        return max(rows, key=lambda row: int(self._contigs.lengths_bp[sources == row].sum()))

    def _name(self, row: int) -> str:
        lineage = self._shared.contents.entries[row].lineage
        return lineage.name("species") or lineage.name("genus") or ""
