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

from genome_index.index.audit.relatives_vote import LEAST_SHARE, Direction
from genome_index.index.audit.shared_kmers import shared_with
from genome_index.index.audit.transfer_direction import SharedKmers
from genome_index.index.calibration.hits import KMER_FLOOR, kmer_identity
from genome_index.index.parallel import in_threads
from genome_index.index.store.composition import decode_windows, encode_windows
from genome_index.records import Contig, Genome

Rows = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]

LEAST_CONTIG_BP = 5_000  # a shorter contig has too few sampled k-mers
FOREIGN_IDENTITY = 0.90  # estimated from shared k-mers, to the reference of the other genus
FOREIGN_LEAD = 0.05  # over the identity to the genome's own nearest reference
WARN_SHARE = 0.05  # of the bases in contigs of LEAST_CONTIG_BP and more
LEAST_SHARED = 0.01  # of a genome's k-mers in one of another genus, for its contigs to be examined
MOST = 0.85  # of the bases; a genome that is foreign all over has a wrong label instead
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
    entries, references = shared.contents.entries, shared.contents.references
    candidates = [
        row for row in subjects.tolist() if entries[row].contigs > 1 and shared.sources(row, LEAST_SHARED)
    ]

    def examine(number: int) -> ForeignContigs | None:
        genome = references.genome(candidates[number])
        references.let_go()
        contigs = genome.contigs if genome else ()
        large = [contig for contig in contigs if len(contig.sequence) >= LEAST_CONTIG_BP]
        return _Assembly(shared, candidates[number], large).foreign_contigs() if len(large) > 1 else None

    results = in_threads(examine, len(candidates), threads)
    return [result for result in results if result is not None]


class _Assembly:
    """The larger contigs of one reference, P of them."""

    def __init__(self, shared: SharedKmers, row: int, contigs: Sequence[Contig]) -> None:
        self._shared, self._row, self._contigs = shared, row, contigs
        self._hashes = shared.hashes(row)  # (H,)
        self._lengths_bp = np.array([len(contig.sequence) for contig in contigs])
        ends = np.concatenate([[0], np.cumsum(self._lengths_bp)])
        places, part = shared.places(row, b"".join(contig.sequence for contig in contigs), ends)
        self._places = np.split(places, np.searchsorted(part, np.arange(1, len(contigs))))
        self._identities: dict[int, Floats] = {}

    def foreign_contigs(self) -> ForeignContigs | None:
        """The foreign contigs and the source of most of them; None if too few or nearly all are foreign."""
        by_name: dict[str, list[int]] = {}
        sources = self._sources()
        for source in np.unique(sources[sources >= 0]).tolist():
            by_name.setdefault(self._name(source), []).append(source)
        foreign = {name: np.isin(sources, rows) for name, rows in by_name.items()}
        bases = {
            name: int(self._lengths_bp[flags].sum())
            for name, flags in foreign.items()
            if self._are_from(by_name[name], sources, flags)
        }
        share = sum(bases.values()) / int(self._lengths_bp.sum())
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
        theirs = shared_with(self._hashes, self._shared.hashes(main))
        inside, rest = self._kmers_in(flags), self._kmers_in(sources < 0)
        if rest.any() and theirs[rest].mean() > THIN * theirs[inside].mean():
            return False
        is_own = self._direction(main, flags) in (Direction.OWN, Direction.UNCLEAR)
        return not is_own and self._resemble(main, flags)

    def _direction(self, other: int, which: Flags) -> Direction:
        """Where the genome has some contigs from, by the relatives of both genomes."""
        return self._shared.direction(self._row, other, self._kmers_in(which))

    def _resemble(self, other: int, flags: Flags) -> bool:
        """Whether some contigs resemble a genome more than they do the other contigs, in 4-mers."""
        theirs = decode_windows(self._shared.contents.references.windows(other)).mean(axis=0)
        own, rest = (self._composition(which) for which in (flags, ~flags))
        return bool(np.linalg.norm(own - theirs) < np.linalg.norm(own - rest))

    def _composition(self, which: Flags) -> Floats:
        contigs = tuple(contig for contig, flag in zip(self._contigs, which, strict=True) if flag)
        return np.asarray(decode_windows(encode_windows(Genome("", contigs, ""))).mean(axis=0))

    def _sources(self) -> Rows:
        """The genome that each contig is from, -1 for the genome's own contigs: (P,).

        A genome whose own contig it is goes before another one that received it too.
        """
        sources, best = np.full(len(self._places), -1), np.zeros(len(self._places), np.float32)
        for other in self._shared.sources(self._row, LEAST_SHARED):
            identity = self._identity(other)
            likely = identity >= FOREIGN_IDENTITY
            if likely.any():
                is_theirs = self._direction(other, likely) is Direction.RECEIVED
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
            return np.full(len(self._places), KMER_FLOOR, np.float32)
        rest = self._kmers_in(~likely)
        best = np.full(len(self._places), KMER_FLOOR, np.float32)
        genus = self._shared.genus(self._row)
        for relative in self._shared.relatives(self._row, other):
            flags = shared_with(self._hashes, self._shared.hashes(relative))
            if self._shared.genus(relative) == genus or (rest.any() and flags[rest].mean() >= LEAST_SHARE):
                best = np.maximum(best, self._identity(relative))
        return best

    def _identity(self, other: int) -> Floats:
        """Identity of each contig to a genome, estimated from shared k-mers: (P,)."""
        if other not in self._identities:
            flags = shared_with(self._hashes, self._shared.hashes(other))
            shares = [flags[places].mean() if len(places) else 0 for places in self._places]
            k = self._shared.contents.spec.sketch_k
            self._identities[other] = kmer_identity(np.array(shares, np.float32), k)
        return self._identities[other]

    def _main_source(self, rows: Sequence[int], sources: Rows) -> int:
        """The genome among `rows` that most bases are from."""
        return max(rows, key=lambda row: int(self._lengths_bp[sources == row].sum()))

    def _name(self, row: int) -> str:
        lineage = self._shared.contents.entries[row].lineage
        return lineage.name("species") or lineage.name("genus") or ""

    def _kmers_in(self, which: Flags) -> Flags:
        """The k-mers of some contigs, as flags in the genome's sketch: (P,) -> (H,)."""
        flags = np.zeros(len(self._hashes), bool)
        for places, chosen in zip(self._places, which.tolist(), strict=True):
            flags[places] |= chosen
        return flags
