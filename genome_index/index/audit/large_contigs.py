"""Large contigs of one reference: which k-mers of its sketch each has, and whether some are unlike the rest.

Unlikeness is the distance of two means of 4-mer frequencies, over the spread of windows of the rest. Pieces
of 100 kb of bacteria have at most 2.5 to their own genome; those of another family have 2.5 and more in 95 of
100 cases, 5.7 in the median; plasmids of 3 % and more of a genome of their genus lie between 1.9 and 6.8,
those of 5 % and more below 5.4, and none has more than 8 % of it (tests/bench/RESULTS.md).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from genome_index.index.audit.shared_kmers import shared_with
from genome_index.index.audit.transfer_direction import SharedKmers
from genome_index.index.calibration.hits import kmer_identity
from genome_index.index.parallel import in_threads
from genome_index.index.store.composition import CANONICAL, decode_windows, encode_windows
from genome_index.records import Contig, Genome

Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]
Lengths = npt.NDArray[np.int64]
Found = TypeVar("Found")

LEAST_CONTIG_BP = 5_000  # a shorter contig has too few sampled k-mers
WARN_SHARE = 0.05  # of the bases in contigs of LEAST_CONTIG_BP and more
MOST = 0.85  # of the bases; a genome that is foreign all over has a wrong label instead
LARGE_SHARE = 0.12  # of the bases; plasmids and phages are smaller, and a chromid is like its genome
UNLIKE, FAR_UNLIKE = 2.5, 5.5  # least unlikeness at LARGE_SHARE and at WARN_SHARE; in between on a line
NO_SIGNATURE_SHARE = 0.10  # least share where composition tells nothing
EQUAL = np.bincount(CANONICAL) / len(CANONICAL)  # 4-mer frequencies of random sequence


class LargeContigs:
    """The contigs of LEAST_CONTIG_BP and more of one reference, P of them."""

    def __init__(self, shared: SharedKmers, row: int, contigs: Sequence[Contig]) -> None:
        self._shared = shared
        self._contigs = [contig for contig in contigs if len(contig.sequence) >= LEAST_CONTIG_BP]
        self.hashes = shared.hashes(row)  # (H,)
        self.lengths_bp: Lengths = np.array([len(contig.sequence) for contig in self._contigs], np.int64)
        ends = np.concatenate([[0], np.cumsum(self.lengths_bp)])
        places, part = shared.places(row, b"".join(contig.sequence for contig in self._contigs), ends)
        self._places = np.split(places, np.searchsorted(part, np.arange(1, len(self._contigs))))
        self._identities: dict[int, Floats] = {}

    def __len__(self) -> int:
        return len(self._contigs)

    def share(self, which: Flags) -> float:
        """The share of the bases in some contigs: (P,)."""
        return int(self.lengths_bp[which].sum()) / int(self.lengths_bp.sum())

    def identity(self, other: int) -> Floats:
        """Identity of each contig to a genome, estimated from shared k-mers: (P,)."""
        if other not in self._identities:
            flags = shared_with(self.hashes, self._shared.hashes(other))
            shares = [flags[places].mean() if len(places) else 0 for places in self._places]
            k = self._shared.contents.spec.sketch_k
            self._identities[other] = kmer_identity(np.array(shares, np.float32), k)
        return self._identities[other]

    def kmers_in(self, which: Flags) -> Flags:
        """The k-mers of some contigs, as flags in the genome's sketch: (P,) -> (H,)."""
        flags = np.zeros(len(self.hashes), bool)
        for places, chosen in zip(self._places, which.tolist(), strict=True):
            flags[places] |= chosen
        return flags

    def composition(self, which: Flags) -> Floats:
        """4-mer frequencies of some contigs, as the mean of their windows: (P,) -> (136,)."""
        return np.asarray(self._windows(which).mean(axis=0))

    def are_unlike(self, which: Flags) -> bool | None:
        """Whether some contigs are too unlike the others to be a plasmid or a phage of the genome: (P,).

        None where the genome has no composition of its own, as simulated sequence has none.
        """
        rest = self._windows(~which)
        mean = rest.mean(axis=0)
        spread = float(np.sqrt(((rest - mean) ** 2).sum(axis=1).mean()))
        if np.linalg.norm(mean - EQUAL) < spread:
            return None
        unlikeness = float(np.linalg.norm(self.composition(which) - mean)) / spread
        return bool(
            unlikeness >= np.interp(self.share(which), (WARN_SHARE, LARGE_SHARE), (FAR_UNLIKE, UNLIKE))
        )

    def _windows(self, which: Flags) -> Floats:
        contigs = tuple(contig for contig, flag in zip(self._contigs, which, strict=True) if flag)
        return decode_windows(encode_windows(Genome("", contigs, "")))


def examine_assemblies(
    shared: SharedKmers,
    rows: Sequence[int],
    examine: Callable[[int, LargeContigs], Found | None],
    threads: int,
) -> list[Found]:
    """What is found in the assemblies with two large contigs or more, where their bases are at hand."""
    references = shared.contents.references

    def examine_row(number: int) -> Found | None:
        genome = references.genome(rows[number])
        references.let_go()
        if genome is None:
            return None
        contigs = LargeContigs(shared, rows[number], genome.contigs)
        return examine(rows[number], contigs) if len(contigs) > 1 else None

    return [found for found in in_threads(examine_row, len(rows), threads) if found is not None]
