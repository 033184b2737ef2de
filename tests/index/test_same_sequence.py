"""Same sequence: which ANI a query and a reference of its length have."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest

from genome_index.index.store.same_sequence import corrected_ani
from genome_index.io.sequence import reverse_complement
from genome_index.records import Contig, Genome

SEQUENCE = bytes(np.random.default_rng(3).choice(list(b"ACGT"), 20_000).tolist())
SNP = SEQUENCE[:100] + (b"A" if SEQUENCE[100:101] != b"A" else b"C") + SEQUENCE[101:]
ROTATED = reverse_complement(SEQUENCE[7_000:] + SEQUENCE[:7_000])
HASHES = np.arange(50, dtype=np.uint64)


def genome(sequence: bytes) -> Genome:
    return Genome("q", (Contig("c", sequence),), "-")


@dataclass
class OneReference:
    """References of which there is one; the bases of a large one are not stored."""

    stored: Genome
    small: bool = True

    def length_bp(self, row: int) -> int:
        return self.stored.length_bp

    def sha256(self, row: int) -> str:
        return self.stored.sha256

    def is_small(self, row: int) -> bool:
        return self.small

    def genome(self, row: int) -> Genome | None:
        return self.stored

    def hashes(self, row: int) -> np.ndarray:
        return HASHES


def corrected(reference: bytes, ani: float, small: bool = True, hashes: np.ndarray = HASHES) -> float:
    references = OneReference(genome(reference), small)
    rows, estimates = np.array([0]), np.array([ani])
    return float(corrected_ani(references, genome(SEQUENCE), hashes, rows, estimates)[0])  # type: ignore[arg-type]


@pytest.mark.parametrize("ani", [99.9, 99.996, 100.0])
@pytest.mark.parametrize("small", [True, False])
def test_the_same_sequence_has_100_whatever_was_estimated(ani: float, small: bool) -> None:
    assert corrected(SEQUENCE, ani, small) == 100


@pytest.mark.parametrize(("ani", "expected"), [(100.0, 100), (99.95, 100), (99.89, 99.89)])
def test_the_same_sequence_cut_elsewhere_on_the_other_strand_has_100(ani: float, expected: float) -> None:
    assert corrected(ROTATED, ani) == expected


@pytest.mark.parametrize(("ani", "expected"), [(100.0, 99.995), (99.97, 99.97), (98.0, 98.0)])
def test_one_changed_base_is_one_base_less_at_most(ani: float, expected: float) -> None:
    assert corrected(SNP, ani) == pytest.approx(expected, abs=1e-9)


def test_of_large_genomes_the_sampled_kmers_decide() -> None:
    assert corrected(SNP, 100.0, small=False) == 100
    assert corrected(SNP, 100.0, small=False, hashes=HASHES[1:]) == pytest.approx(99.995, abs=1e-9)


def test_another_length_and_no_ani_stay_as_they_are() -> None:
    assert corrected(SEQUENCE[:-1], 100.0) == 100
    assert math.isnan(corrected(SNP, math.nan))
