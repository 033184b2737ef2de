"""K-mers of proteins beside plain sets, and beside sourmash."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genome_index.errors import UsageError
from genome_index.io.reader import iter_genomes
from genome_index.lab.proteins.comparison import Hit, Member, ProteinReferences, members
from genome_index.lab.proteins.gene_finding import GeneSettings, protein_finder
from genome_index.lab.proteins.kmers import (
    RESIDUES,
    KmerSettings,
    ProteinSketch,
    shared_by_chance,
    sketch_proteins,
)
from genome_index.records import Genome, Taxon

PROTEINS = st.lists(st.text("ACDEX", max_size=40).map(str.encode), max_size=6)


def plain_kmers(proteins: list[bytes], k: int) -> set[bytes]:
    """The dull way: all substrings of k known residues."""
    every = {protein[at : at + k] for protein in proteins for at in range(len(protein) - k + 1)}
    return {kmer for kmer in every if not set(kmer) - set(RESIDUES)}


def plain_hash(kmer: bytes) -> int:
    """5 bits a residue, and MurmurHash3's 64-bit finaliser in Python's integers."""
    word = 0
    for residue in kmer:
        word = word << 5 | RESIDUES.index(residue)
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        word = (word ^ word >> 33) * factor % 2**64
    return word ^ word >> 33


def member(name: str, proteins: list[bytes], k: int = 7, scaled: int = 1) -> Member:
    return Member(name, f"{name}.fa", name, Taxon(), sketch_proteins(proteins, KmerSettings(k, scaled)))


def some_proteins(number: int, length: int, seed: int) -> list[bytes]:
    draws = random.Random(seed)
    return [bytes(draws.choices(RESIDUES, k=length)) for _ in range(number)]


@settings(deadline=None)
@given(PROTEINS, st.integers(1, 12), st.sampled_from((1, 2, 7)))
def test_hashes_are_those_of_plain_kmers(proteins: list[bytes], k: int, scaled: int) -> None:
    sketch = sketch_proteins(proteins, KmerSettings(k, scaled))
    every = {plain_hash(kmer) for kmer in plain_kmers(proteins, k)}
    assert sketch.hashes.tolist() == sorted(one for one in every if one < 2**64 // scaled)
    assert sketch.genes == len(proteins)
    assert sketch.residues == sum(len(protein) - protein.count(b"X") for protein in proteins)


@settings(deadline=None)
@given(PROTEINS, PROTEINS, st.integers(1, 4))
def test_shared_kmers_are_those_of_plain_sets(first: list[bytes], second: list[bytes], k: int) -> None:
    query, reference = plain_kmers(first, k), plain_kmers(second, k)
    references = ProteinReferences([member("r", second, k), member("none", [], k)], KmerSettings(k))
    answer = references.answer(member("q", first, k), 5)
    assert [(hit.reference.id, hit.shared) for hit in answer.hits] == [("r", len(query & reference))][
        : bool(query & reference)
    ]
    for hit in answer.hits:
        assert hit.containment == len(query & reference) / len(query)
        assert hit.jaccard == len(query & reference) / len(query | reference)


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(UsageError, match="--k 13: choose from 1 to 12 residues"):
        KmerSettings(13)
    with pytest.raises(UsageError, match="--scaled 0: choose 1 .all k-mers. or more"):
        KmerSettings(7, 0)


# -- identity ------------------------------------------------------------------------------------------------


def hit(shared: int, query: int, reference: int, by_chance: float = 0, k: int = 7) -> Hit:
    sketches = [
        ProteinSketch(np.arange(size, dtype=np.uint64), np.zeros(20, np.int64), 1)
        for size in (query, reference)
    ]
    own = [Member(name, "", "", Taxon(), sketch) for name, sketch in zip("qr", sketches, strict=True)]
    return Hit(own[0], own[1], shared, by_chance, k)


def test_the_identity_is_the_root_of_containment() -> None:
    """0.9 ** 7 = 0.4782969, so 4,782,969 of 10,000,000 k-mers are an identity of 90 %."""
    one = hit(4_782_969, 10_000_000, 20_000_000)
    assert one.containment == 0.4782969
    assert one.aai == pytest.approx(90, abs=1e-9)
    assert one.jaccard == 4_782_969 / 25_217_031


def test_too_few_kmers_give_no_identity() -> None:
    assert (hit(9, 100, 100).aai, hit(9, 100, 100).why_no_estimate) == (
        None,
        "9 shared k-mers are fewer than 10",
    )
    assert hit(10, 100, 100).aai == pytest.approx(100 * 0.1 ** (1 / 7))
    assert hit(1999, 10_000, 10_000, 1000).aai is None
    assert hit(1999, 10_000, 10_000, 1000).why_no_estimate == (
        "1,999 shared k-mers are not 2 times 1,000, as many as random proteins share"
    )
    assert hit(2000, 10_000, 10_000, 1000).aai == pytest.approx(100 * 0.2 ** (1 / 7))


def test_random_proteins_share_as_many_kmers_as_expected() -> None:
    """Of 40,000 and 20,000 residues at k = 4: 5 standard deviations at most from what is expected."""
    first, second = (
        sketch_proteins(some_proteins(1, size, seed), KmerSettings(4))
        for size, seed in ((40_000, 1), (20_000, 2))
    )
    shared = len(np.intersect1d(first.hashes, second.hashes))
    expected = shared_by_chance(first, second, KmerSettings(4))
    assert expected == pytest.approx(len(first.hashes) * len(second.hashes) / 20**4, rel=0.01)
    assert abs(shared - expected) < 5 * expected**0.5


@pytest.mark.parametrize("share", [0.05, 0.2])
@pytest.mark.parametrize("scaled", [1, 20])
def test_identity_of_changed_proteins(share: float, scaled: int) -> None:
    draws = random.Random(3)
    old = some_proteins(400, 300, 3)
    new = [
        bytes(draws.choice(RESIDUES) if draws.random() < share else one for one in protein) for protein in old
    ]
    settings = KmerSettings(7, scaled)
    references = ProteinReferences([member("r", old, 7, scaled)], settings)
    (found,) = references.answer(member("q", new, 7, scaled), 1).hits
    assert found.aai == pytest.approx(100 * (1 - share * 19 / 20), abs=0.5 if scaled == 1 else 1.5)


# -- sourmash ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [7, 10])
def test_a_real_pair_beside_sourmash(shared_genomes: Path, k: int) -> None:
    """Xenopus laevis and X. victorianus: the same k-mers, containment, Jaccard and identity."""
    sourmash = pytest.importorskip("sourmash")
    wanted = ("NC_001573.1", "NC_018775.1")
    records = iter_genomes([str(shared_genomes / "mito.fa.gz")], "record")
    genomes = [one for one in records if isinstance(one, Genome) and one.id in wanted]
    assert len(genomes) == 2
    with protein_finder(GeneSettings(code=2)) as proteins_of:
        found = [proteins_of(genome) for genome in genomes]
        ours = list(members(genomes, proteins_of, KmerSettings(k)))
    theirs = [sourmash.MinHash(n=0, ksize=k, is_protein=True, scaled=1) for _ in genomes]
    for sketch, proteins in zip(theirs, found, strict=True):
        for protein in proteins:
            sketch.add_protein(protein.decode())
    assert [len(sketch) for sketch in theirs] == [
        len(one.sketch.hashes) for one in ours if isinstance(one, Member)
    ]
    (one,) = ProteinReferences(ours[1:], KmerSettings(k)).answer(ours[0], 1).hits
    assert one.containment == pytest.approx(theirs[0].contained_by(theirs[1]), abs=1e-12)
    assert one.jaccard == pytest.approx(theirs[0].jaccard(theirs[1]), abs=1e-12)
    assert one.aai == pytest.approx(100 * theirs[0].containment_ani(theirs[1]).ani, abs=1e-9)
