"""Contract of all encoders: features do not depend on strand, order, case or batch; N joins nothing."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from helpers.recorded_progress import RecordedProgress
from helpers.tiny_model import write_tiny_dnabert2, write_tiny_gena, write_tiny_model
from hypothesis import given, settings
from hypothesis import strategies as st

from genome_index.encoders import ENCODERS, PROFILE, SPECTRUM, TRANSFORMER, open_encoder, spec_for
from genome_index.encoders.protocol import Encoder
from genome_index.index.store.references import decode_raw, encode_raw
from genome_index.io.sequence import reverse_complement
from genome_index.records import Contig, Genome
from genome_index.spec import Reading

TOLERANCE = {SPECTRUM: 1e-6, PROFILE: 1e-6, TRANSFORMER: 1e-5}
KINDS: dict[str, tuple[Callable[[Path], Path], Reading] | None] = {
    SPECTRUM: None,
    PROFILE: None,
    "Nucleotide Transformer v1": (partial(write_tiny_model, version=1), Reading()),
    "Nucleotide Transformer v2": (write_tiny_model, Reading()),
    "Nucleotide Transformer v2, windows": (write_tiny_model, Reading(windows=2, chunk_tokens=9)),
    "DNABERT-2": (write_tiny_dnabert2, Reading()),
    "GENA-LM": (write_tiny_gena, Reading()),
    "GENA-LM, windows": (write_tiny_gena, Reading(windows=2, chunk_tokens=9)),
}

sequences = st.lists(st.text(alphabet="ACGTNacgtnRY", min_size=0, max_size=300), min_size=1, max_size=4)


def genome(*contigs: str) -> Genome:
    return Genome(
        "g", tuple(Contig(f"c{number}", contig.encode()) for number, contig in enumerate(contigs)), "-"
    )


@pytest.fixture(scope="session", params=KINDS)
def encoder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    kind = KINDS[request.param]
    if kind is None:
        return open_encoder(spec_for(request.param))
    write, reading = kind
    pytest.importorskip("transformers").logging.set_verbosity_error()
    import torch

    torch.set_num_threads(1)
    folder = write(tmp_path_factory.mktemp("contract") / "model")
    return open_encoder(spec_for(str(folder), reading=reading))


def vectors(encoder: Encoder, *genomes: Genome) -> np.ndarray:
    raw = encoder.encode(genomes)
    assert len(raw) == len(genomes)
    found = encoder.features(raw)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    return found


def same(encoder: Encoder, one: Genome, other: Genome) -> None:
    a, b = vectors(encoder, one, other)
    assert np.abs(a - b).max() <= TOLERANCE[encoder.name]


def test_every_encoder_of_the_table_is_held_to_this() -> None:
    assert set(ENCODERS) == set(TOLERANCE)


def same_on_the_other_strand(encoder: Encoder, contigs: list[str]) -> None:
    turned = [reverse_complement(contig.encode()).decode() for contig in contigs]
    same(encoder, genome(*contigs), genome(*turned))


def same_in_another_order(encoder: Encoder, contigs: list[str], seed: int) -> None:
    shuffled = [contig.swapcase() for contig in contigs]
    random.Random(seed).shuffle(shuffled)
    same(encoder, genome(*contigs), genome(*shuffled))


@given(contigs=sequences)
@settings(max_examples=12, deadline=None)
def test_strand_never_changes_a_vector(encoder: Encoder, contigs: list[str]) -> None:
    same_on_the_other_strand(encoder, contigs)


@given(contigs=sequences, seed=st.integers(0, 99))
@settings(max_examples=12, deadline=None)
def test_order_and_case_never_change_a_vector(encoder: Encoder, contigs: list[str], seed: int) -> None:
    same_in_another_order(encoder, contigs, seed)


@pytest.mark.long
@given(contigs=sequences)
@settings(max_examples=200, deadline=None)
def test_strand_never_changes_a_vector_in_many_examples(encoder: Encoder, contigs: list[str]) -> None:
    same_on_the_other_strand(encoder, contigs)


@pytest.mark.long
@given(contigs=sequences, seed=st.integers(0, 99))
@settings(max_examples=200, deadline=None)
def test_order_and_case_never_change_a_vector_in_many_examples(
    encoder: Encoder, contigs: list[str], seed: int
) -> None:
    same_in_another_order(encoder, contigs, seed)


def test_batch_order_is_kept_and_batch_size_never_matters(encoder: Encoder) -> None:
    some = [genome("".join(random.Random(seed).choices("ACGT", k=500 + seed))) for seed in range(20)]
    together = vectors(encoder, *some)
    for row, one in zip(together, some, strict=True):
        alone = vectors(encoder, one)[0]
        assert np.abs(row - alone).max() <= (0 if encoder.name == SPECTRUM else TOLERANCE[encoder.name])


def test_n_separates_and_is_never_deleted(encoder: Encoder) -> None:
    left, right = ("".join(random.Random(seed).choices("ACGT", k=400)) for seed in (1, 2))
    same(encoder, genome(left + "N" * 50 + right), genome(left, right))
    joined, split = vectors(encoder, genome(left + right), genome(left + "N" + right))
    assert np.abs(joined - split).max() > 0


def test_nothing_to_encode_is_a_row_of_zeros(encoder: Encoder) -> None:
    assert not vectors(encoder, genome("N" * 100)).any()
    assert not vectors(encoder, genome("ACG")).any()


def test_what_is_kept_comes_back_as_it_was_and_gives_the_same_features(encoder: Encoder) -> None:
    some = [genome("".join(random.Random(seed).choices("ACGT", k=900))) for seed in range(3)]
    raw = encoder.encode([*some, genome("NNN")])
    kept = [decode_raw(encode_raw(one)) for one in raw]
    assert all(np.array_equal(one, other) for one, other in zip(raw, kept, strict=True))
    assert np.array_equal(encoder.features(raw), encoder.features(kept))


def test_shares_and_notes_are_reported(encoder: Encoder) -> None:
    shares = encoder.shares(encoder.encode([genome("ACGTTGCATT" * 200), genome("ACGTTGCATT" * 3)]))
    assert shares.shape == (2,)
    assert ((shares > 0) & (shares <= 1)).all()
    assert all(isinstance(note, str) for note in encoder.notes())


def test_name_and_version_are_the_tables(encoder: Encoder) -> None:
    assert encoder.name in ENCODERS
    assert encoder.version


def test_progress_is_counted_in_genomes_and_never_goes_back(encoder: Encoder) -> None:
    progress = RecordedProgress()
    genomes = [genome("ACGTTGCA" * (40 + number)) for number in range(6)]
    encoder.encode(genomes, progress)
    assert bool(progress.stages) is not encoder.parallel  # the caller reports on an encoder in its threads
    assert [done for _, done, _ in progress.stages] == sorted(done for _, done, _ in progress.stages)
    assert all(done < total == len(genomes) for _, done, total in progress.stages)
