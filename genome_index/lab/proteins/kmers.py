"""K-mers of proteins: sampled hashes of a genome's proteins, and what they were made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from genome_index.errors import UsageError
from genome_index.index.store.sketches import murmur_finalizer
from genome_index.io.kernels.kernel import kernel
from genome_index.lab.genetic_codes import STOP

Bytes = npt.NDArray[np.uint8]
Hashes = npt.NDArray[np.uint64]

RESIDUES = b"ACDEFGHIKLMNPQRSTVWY"
LONGEST_K = 12  # 5 bits a residue in a word of 64
_NO_RESIDUE = 255


@dataclass(frozen=True)
class KmerSettings:
    """Which k-mers are compared."""

    k: int = 7
    scaled: int = 1  # one of so many k-mers is compared (FracMinHash, Irber et al. 2022)

    def __post_init__(self) -> None:
        if not 1 <= self.k <= LONGEST_K:
            raise UsageError(f"--k {self.k}: choose from 1 to {LONGEST_K} residues")
        if self.scaled < 1:
            raise UsageError(f"--scaled {self.scaled}: choose 1 (all k-mers) or more")


@dataclass(frozen=True)
class ProteinSketch:
    """The sampled k-mers of a genome's proteins."""

    hashes: Hashes  # (H,) distinct, sorted
    composition: npt.NDArray[np.int64]  # (20,) residues of each kind, in the order of RESIDUES
    genes: int

    @property
    def residues(self) -> int:
        return int(self.composition.sum())


def sketch_proteins(proteins: Sequence[bytes], settings: KmerSettings) -> ProteinSketch:
    """The distinct sampled k-mers of proteins; k-mers with a letter not in RESIDUES, such as X, are left out.

    The hash is that of the sketches of an index, MurmurHash3's 64-bit finaliser, of 5 bits a residue; it is
    one-to-one, so that without sampling the hashes are the k-mers.
    """
    numbers = _numbers()[np.frombuffer(STOP.join(proteins), np.uint8)]
    hashes = np.empty(numbers.size, np.uint64)
    count = _sample(numbers, settings.k, np.uint64(2**64 // settings.scaled - 1), hashes)
    composition = np.bincount(numbers[numbers != _NO_RESIDUE], minlength=len(RESIDUES))
    return ProteinSketch(np.unique(hashes[:count]), composition, len(proteins))


def shared_by_chance(query: ProteinSketch, reference: ProteinSketch, settings: KmerSettings) -> float:
    """Number of the query's k-mers that random proteins of these sizes and compositions would share.

    A k-mer of each is the same with a probability of (sum of f_a g_a over residues a) to the power k, where f
    and g are the frequencies in both genomes.
    """
    same = _agreement(query.composition, reference.composition) ** settings.k
    return len(query.hashes) * min(1.0, len(reference.hashes) * settings.scaled * same)


def _agreement(a: npt.NDArray[np.int64], b: npt.NDArray[np.int64]) -> float:
    return float((a / max(1, a.sum())) @ (b / max(1, b.sum())))


@cache
def _numbers() -> Bytes:
    numbers = np.full(256, _NO_RESIDUE, np.uint8)
    numbers[np.frombuffer(RESIDUES, np.uint8)] = np.arange(len(RESIDUES))
    return numbers


@kernel
def _sample(numbers: Bytes, k: int, largest: np.uint64, out: Hashes) -> int:
    """Write the hashes up to `largest` of all k-mers to `out`: (L,) -> their number."""
    mask = (np.uint64(1) << np.uint64(5 * k)) - np.uint64(1)
    word = np.uint64(0)
    run, count = 0, 0
    for number in numbers:
        if number == _NO_RESIDUE:
            run = 0
            continue
        word = ((word << np.uint64(5)) | np.uint64(number)) & mask
        run += 1
        if run >= k:
            kmer_hash = murmur_finalizer(word)
            if kmer_hash <= largest:
                out[count] = kmer_hash
                count += 1
    return count
