"""Which references hold contigs of another genus: an assembly into which something else came.

The words of each larger contig are looked for in genomes of other genera and in the genome's own kin. Foreign
is a contig that one of the former has and the latter have not, and whose 4-mers are like that one's; what kin
has as well, or is like neither, as plasmids are, is the genome's own. This takes bases: large genomes have
theirs at hand while they are added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.index.audit.shared_kmers import held_in
from genome_index.index.audit.transfer_direction import LEAST_KIN, Kinship
from genome_index.index.calibration.hits import KMER_FLOOR, kmer_identity
from genome_index.index.store.composition import decode_windows, encode_windows
from genome_index.index.store.pair_table import in_threads
from genome_index.records import Contig, Genome

Rows = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]

LEAST_CONTIG_BP = 5_000  # a shorter one shares too few sampled words to tell
FOREIGN_IDENTITY = 0.90  # by shared words, to the reference of the other genus
FOREIGN_LEAD = 0.05  # over the identity to the genome's own nearest reference
WARN_SHARE = 0.05  # of the bases looked at
LEAST_SHARED = 0.01  # of a genome's words, with one of another genus, for its contigs to be looked at
MOST = 0.85  # of the bases; of a genome that is foreign all over it is the label that is in doubt
THIN = 0.1  # of the share that the source has of the foreign contigs: no more has it of the others


@dataclass(frozen=True)
class Contaminated:
    """A reference, the genome most of its foreign contigs are nearest to, and how large they are."""

    row: int
    source_row: int
    share: float  # of the bases in contigs of LEAST_CONTIG_BP and more


def find_contaminated(kinship: Kinship, asked: Rows, threads: int = 1) -> list[Contaminated]:
    """Which of the genomes asked about hold contigs of another genus, as far as their bases are at hand."""
    entries = kinship.contents.entries
    likely = [
        row for row in asked.tolist() if entries[row].contigs > 1 and kinship.sources(row, LEAST_SHARED)
    ]

    def look(number: int) -> Contaminated | None:
        genome = kinship.contents.references.genome(likely[number])
        kinship.contents.references.let_go()
        large = [one for one in genome.contigs if len(one.sequence) >= LEAST_CONTIG_BP] if genome else []
        return _Assembly(kinship, likely[number], large).judged() if len(large) > 1 else None

    return [one for one in in_threads(look, len(likely), threads) if one is not None]


class _Assembly:
    """The larger contigs of one reference: P of them."""

    def __init__(self, kinship: Kinship, row: int, contigs: Sequence[Contig]) -> None:
        self._kinship, self._row, self._contigs = kinship, row, contigs
        self._lengths = np.array([len(contig.sequence) for contig in contigs])
        ends = np.concatenate([[0], np.cumsum(self._lengths)])
        words, part = kinship.places(row, b"".join(contig.sequence for contig in contigs), ends)
        self._words = np.split(words, np.searchsorted(part, np.arange(1, len(contigs))))
        self._known: dict[int, Floats] = {}

    def judged(self) -> Contaminated | None:
        """It as one that holds foreign contigs, with the source of most of them; or nothing."""
        by_name: dict[str, list[int]] = {}
        sources = self._sources()
        for source in np.unique(sources[sources >= 0]).tolist():
            by_name.setdefault(self._name(source), []).append(source)
        foreign = {name: np.isin(sources, rows) for name, rows in by_name.items()}
        true = {
            name: flags for name, flags in foreign.items() if self._is_from(by_name[name], sources, flags)
        }
        bases = {name: int(self._lengths[flags].sum()) for name, flags in true.items()}
        share = sum(bases.values()) / int(self._lengths.sum())
        if not WARN_SHARE <= share <= MOST:
            return None
        main = max(bases, key=bases.__getitem__)
        return Contaminated(self._row, self._most_of(by_name[main], sources), share)

    def _is_from(self, rows: Sequence[int], sources: Rows, flags: Flags) -> bool:
        """Whether contigs are of a species, all of whose genomes here are `rows`, and the others are not.

        Composition is asked too where kin speaks: a plasmid of two genera may be missing from kin of both.
        """
        main = self._most_of(rows, sources)
        theirs = held_in(self._kinship.words(self._row), self._kinship.words(main))
        inside, rest = self._inside(flags), self._inside(sources < 0)
        if rest.any() and theirs[rest].mean() > THIN * theirs[inside].mean():
            return False
        told = self._kinship.has_it_from(self._row, main, inside)
        return told is not False and self._composed_like(main, flags)

    def _composed_like(self, other: int, flags: Flags) -> bool:
        """Whether some contigs are more like a genome than like the other contigs, in 4-mers."""
        theirs = decode_windows(self._kinship.contents.references.windows(other)).mean(axis=0)
        own, rest = (self._composition(which) for which in (flags, ~flags))
        return bool(np.linalg.norm(own - theirs) < np.linalg.norm(own - rest))

    def _composition(self, which: Flags) -> Floats:
        contigs = tuple(one for one, wanted in zip(self._contigs, which, strict=True) if wanted)
        return np.asarray(decode_windows(encode_windows(Genome("", contigs, ""))).mean(axis=0))

    def _sources(self) -> Rows:
        """Which genome each contig is of, -1 where it is the genome's own: (P,)."""
        found, best = np.full(len(self._words), -1), np.zeros(len(self._words), np.float32)
        for other in self._kinship.sources(self._row, LEAST_SHARED):
            shared = self._identity(other)
            likely = shared >= FOREIGN_IDENTITY
            if likely.any():
                taken = (
                    likely & (shared - self._own_identity(other, likely) >= FOREIGN_LEAD) & (shared > best)
                )
                found[taken], best[taken] = other, shared[taken]
        return found

    def _own_identity(self, other: int, likely: Flags) -> Floats:
        """Identity of each contig to the kin that has most of it: (P,) flags -> (P,).

        Kin is of the same genus, or has some of the other contigs; what is not may have got the same there.
        """
        rest = self._inside(~likely)
        own = np.full(len(self._words), KMER_FLOOR, np.float32)
        genus = self._kinship.genus(self._row)
        for one in self._kinship.kin(self._row, other):
            flags = held_in(self._kinship.words(self._row), self._kinship.words(one))
            if self._kinship.genus(one) == genus or (rest.any() and flags[rest].mean() >= LEAST_KIN):
                own = np.maximum(own, self._identity(one))
        return own

    def _identity(self, other: int) -> Floats:
        """Identity of each contig to a genome, by its words that this has: (P,)."""
        if other not in self._known:
            flags = held_in(self._kinship.words(self._row), self._kinship.words(other))
            shares = [flags[words].mean() if len(words) else 0 for words in self._words]
            self._known[other] = kmer_identity(
                np.array(shares, np.float32), self._kinship.contents.spec.sketch_k
            )
        return self._known[other]

    def _most_of(self, rows: Sequence[int], sources: Rows) -> int:
        """Of some genomes the one that most bases are of."""
        return max(rows, key=lambda row: int(self._lengths[sources == row].sum()))

    def _name(self, row: int) -> str:
        lineage = self._kinship.contents.entries[row].lineage
        return lineage.name("species") or lineage.name("genus") or ""

    def _inside(self, which: Flags) -> Flags:
        """The words of some contigs, among those of the genome: (P,) -> (H,)."""
        found = np.zeros(len(self._kinship.words(self._row)), bool)
        for words, wanted in zip(self._words, which.tolist(), strict=True):
            found[words] |= wanted
        return found
