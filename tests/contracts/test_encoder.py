"""What every encoder must pass: rows do not depend on strand, order, case or batch; N joins nothing."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genome_index.chunks import reverse_complement
from genome_index.encoders import ENCODERS, open_encoder
from genome_index.records import Contig, Genome

TOLERANCE = {"spectrum": 1e-6}

sequences = st.lists(st.text(alphabet="ACGTNacgtnRY", min_size=0, max_size=300), min_size=1, max_size=4)


def genome(*contigs: str) -> Genome:
    return Genome(
        "g", tuple(Contig(f"c{number}", contig.encode()) for number, contig in enumerate(contigs)), "-"
    )


def vectors(name: str, *genomes: Genome) -> np.ndarray:
    encoder = open_encoder(name)
    raw = encoder.encode(genomes)
    assert raw.shape == (len(genomes), encoder.dim)
    found = encoder.features(raw)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    return found


@pytest.fixture(params=sorted(ENCODERS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def same(name: str, one: Genome, other: Genome) -> None:
    a, b = vectors(name, one, other)
    assert np.abs(a - b).max() <= TOLERANCE[name]


@given(contigs=sequences)
@settings(max_examples=60, deadline=None)
def test_strand_never_changes_a_vector(contigs: list[str]) -> None:
    for name in ENCODERS:
        same(name, genome(*contigs), genome(*[reverse_complement(one.encode()).decode() for one in contigs]))


@given(contigs=sequences, seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_order_and_case_never_change_a_vector(contigs: list[str], seed: int) -> None:
    shuffled = [one.swapcase() for one in contigs]
    random.Random(seed).shuffle(shuffled)
    for name in ENCODERS:
        same(name, genome(*contigs), genome(*shuffled))


def test_batch_order_is_kept_and_batch_size_never_matters(name: str) -> None:
    some = [genome("".join(random.Random(seed).choices("ACGT", k=500 + seed))) for seed in range(20)]
    together = vectors(name, *some)
    for row, one in zip(together, some, strict=True):
        assert np.array_equal(row, vectors(name, one)[0])


def test_n_separates_and_is_never_deleted(name: str) -> None:
    left, right = ("".join(random.Random(seed).choices("ACGT", k=400)) for seed in (1, 2))
    same(name, genome(left + "N" * 50 + right), genome(left, right))
    joined, split = vectors(name, genome(left + right), genome(left + "N" + right))
    assert np.abs(joined - split).max() > 0


def test_nothing_to_encode_is_a_row_of_zeros(name: str) -> None:
    assert not vectors(name, genome("N" * 100)).any()
    assert not vectors(name, genome("ACG")).any()


def test_name_and_version_are_the_tables(name: str) -> None:
    encoder = open_encoder(name)
    assert encoder.name == name
    assert encoder.version
