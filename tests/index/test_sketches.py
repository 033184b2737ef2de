"""Sketches and ANI against sourmash, FastANI, and plain sets."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genome_index.index.store.references import decode_skani, encode_skani
from genome_index.index.store.skani import Candidate, measure
from genome_index.index.store.sketches import (
    containment,
    hash_sketch,
    pack,
    skani_sketches,
    unpack,
)
from genome_index.io.reader import iter_genomes
from genome_index.io.sequence import reverse_complement
from genome_index.records import Contig, Failure, Genome
from genome_index.spec import IndexSpec

SPEC = IndexSpec()
NO_LIMIT = np.uint64(2**64 - 1)


def genome(*contigs: bytes, name: str = "g") -> Genome:
    return Genome(name, tuple(Contig(f"c{number}", contig) for number, contig in enumerate(contigs)), "-")


def dna(length: int, seed: int) -> bytes:
    return "".join(random.Random(seed).choices("ACGT", k=length)).encode()


def mutated(sequence: bytes, share: float, seed: int) -> bytes:
    generator, letters = random.Random(seed), bytearray(sequence)
    for at in generator.sample(range(len(letters)), int(share * len(letters))):
        letters[at] = generator.choice([base for base in b"ACGT" if base != letters[at]])
    return bytes(letters)


@given(
    st.lists(
        st.binary(min_size=0, max_size=40).map(lambda raw: bytes(b"ACGTNacgtn"[value % 10] for value in raw)),
        min_size=1,
        max_size=5,
    )
)
@settings(max_examples=80, deadline=None)
def test_packed_bases_are_read_back(contigs: list[bytes]) -> None:
    assert unpack(pack(genome(*contigs))) == [contig.upper() for contig in contigs]


def test_hashes_ignore_strand_and_case_and_skip_n() -> None:
    sequence = dna(5_000, 1)
    forward = hash_sketch(genome(sequence), SPEC)
    assert np.array_equal(forward, hash_sketch(genome(reverse_complement(sequence)), SPEC))
    assert np.array_equal(forward, hash_sketch(genome(sequence.lower()), SPEC))
    parts = hash_sketch(genome(sequence[:2_500], sequence[2_500:]), SPEC)
    assert np.array_equal(parts, hash_sketch(genome(sequence[:2_500] + b"N" + sequence[2_500:]), SPEC))
    assert len(np.setdiff1d(forward, parts)) <= 20  # the 21-mers across the cut


@pytest.mark.parametrize("share", [0.0, 0.01, 0.05, 0.1])
def test_containment_is_that_of_sets_and_agrees_with_sourmash(share: float) -> None:
    sourmash = pytest.importorskip("sourmash")
    one, other = dna(60_000, 3), mutated(dna(60_000, 3), share, 4)
    ours = [hash_sketch(genome(sequence), SPEC) for sequence in (one, other)]
    found = containment(*ours, NO_LIMIT)
    sets = [set(sketch.tolist()) for sketch in ours]
    assert found == pytest.approx(len(sets[0] & sets[1]) / min(map(len, sets)))
    theirs = [sourmash.MinHash(n=0, ksize=SPEC.sketch_k, scaled=SPEC.small_scaled) for _ in ours]
    for sketch, sequence in zip(theirs, (one, other), strict=True):
        sketch.add_sequence(sequence.decode())
    assert found == pytest.approx(theirs[0].max_containment(theirs[1]), abs=0.03)
    assert found ** (1 / SPEC.sketch_k) == pytest.approx(1 - share, abs=0.004)


def test_sketches_of_two_densities_are_compared_at_the_lower_one() -> None:
    large = dna(600_000, 5)
    small = large[:400_000]
    dense, sparse = hash_sketch(genome(small), SPEC), hash_sketch(genome(large), SPEC)
    assert len(dense) > 10 * len(sparse)
    limit = np.uint64(2**64 // SPEC.large_scaled)
    assert containment(dense, sparse, limit) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("unit", [b"A", b"C", b"AT", b"GAC"])
def test_repeats_are_not_sampled(unit: bytes) -> None:
    everything = replace(SPEC, small_scaled=2)
    assert len(hash_sketch(genome(unit * 40), everything)) == 0
    assert len(hash_sketch(genome(unit * 40 + dna(21, 1)), everything)) >= 1


def test_a_single_shared_kmer_counts_only_between_sketches_of_similar_size() -> None:
    word, others = np.array([500], np.uint64), np.arange(1_000, 1_021, dtype=np.uint64)
    small = np.append(word, others[:1] + 5_000)
    assert containment(small, np.append(word, others[:19]), NO_LIMIT) == 0.5
    assert containment(small, np.append(word, others[:20]), NO_LIMIT) == 0.0
    assert containment(small, np.sort(np.append(small, others)), NO_LIMIT) == 1.0


def test_kmers_of_a_short_sequence_are_not_in_a_large_one_by_chance() -> None:
    """With 32-bit hashes about one in a hundred would be, which looks like an identity of 85 %."""
    limit, large = np.uint64(2**64 // SPEC.large_scaled), hash_sketch(genome(dna(4_000_000, 11)), SPEC)
    short = [hash_sketch(genome(dna(5_000, seed)), SPEC) for seed in range(100, 300)]
    assert [containment(sketch, large, limit) for sketch in short] == [0.0] * 200


@pytest.mark.parametrize("length", [3_000, 16_000, 600_000])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.04])
def test_ani_of_known_mutations(length: int, share: float) -> None:
    query, reference = dna(length, 7), mutated(dna(length, 7), share, 8)
    found = measure(genome(query), [candidate(reference, length)])[0]
    assert found.ani == pytest.approx(100 * (1 - share), abs=0.7)
    assert found.af_query is not None
    assert found.af_query > 85


def test_a_skani_sketch_is_packed_and_read_back_and_an_older_one_is_read_as_it_is() -> None:
    [sketch] = skani_sketches([genome(dna(600_000, 1))], ["n1"])
    packed = encode_skani(sketch)
    assert len(packed) < 0.8 * len(sketch)
    assert decode_skani(packed) == decode_skani(sketch) == sketch
    assert encode_skani(b"") == decode_skani(b"") == b""


def test_ani_below_the_range_is_null_with_a_reason() -> None:
    found = measure(
        genome(dna(20_000, 9)), [candidate(dna(20_000, 10), 20_000), candidate(dna(20_000, 9), 20_000)]
    )
    assert found[0].ani is None
    assert (
        found[0].reason
        == "below the range of ANI (about 82 % for whole genomes): no sufficiently similar stretches"
    )
    assert found[1].ani == pytest.approx(100)


def test_evidence_does_not_depend_on_strand_or_contig_order() -> None:
    query, reference = dna(30_000, 11), candidate(mutated(dna(30_000, 11), 0.03, 12), 30_000)
    plain = measure(genome(query[:15_000], query[15_000:]), [reference])[0]
    turned = measure(genome(reverse_complement(query[15_000:]), query[:15_000]), [reference])[0]
    assert turned.ani == pytest.approx(plain.ani, abs=0.05)
    assert turned.af_query == pytest.approx(plain.af_query, abs=0.5)


def test_real_bacteria_agree_with_fastani(shared_genomes: Path) -> None:
    """FastANI 1.33 of these pairs: tests/bench/ani.py has them all."""
    golden = {("NC_000908.2", "NC_018497.1"): 99.66}
    folder = shared_genomes / "bacteria"
    for (a, b), expected in golden.items():
        one, other = (next(iter(iter_genomes([folder / f"{name}.fa.gz"]))) for name in (a, b))
        assert not isinstance(one, Failure)
        assert not isinstance(other, Failure)
        sketch = skani_sketches([other], ["n1"])[0]
        assert measure(one, [Candidate(sketch, "n1")])[0].ani == pytest.approx(expected, abs=0.5)


def candidate(sequence: bytes, length: int) -> Candidate:
    if length <= SPEC.small_bp:
        return Candidate(pack(genome(sequence)), "")
    return Candidate(skani_sketches([genome(sequence)], ["n1"])[0], "n1")
