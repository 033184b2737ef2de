"""Distances that spaces are compared with: k-mers by sets, ranks by names."""

from __future__ import annotations

import numpy as np
import pytest

from genome_index.index.store.sketches import hash_sketch
from genome_index.lab.corpus.relatives import SPEC
from genome_index.lab.topology.reference import kmer_distances, taxonomy_distances
from genome_index.records import Contig, Genome, Lineage, Taxon


def genome(name: str, sequence: bytes, **names: str) -> Genome:
    return Genome(name, (Contig("1", sequence),), "-", Taxon(Lineage(names)))


def bases(length: int, seed: int) -> bytes:
    return bytes(np.random.default_rng(seed).choice(np.frombuffer(b"ACGT", np.uint8), length))


def test_kmer_distances_are_those_of_sets() -> None:
    first = bases(4_000, 0)
    genomes = [
        genome("a", first), genome("same", first), genome("half", first[:2_000] + bases(2_000, 1)),
        genome("other", bases(4_000, 2)), genome("large", first + bases(600_000, 3)), genome("n", b"N" * 900),
        genome("after a large one", first + bases(300_000, 4)),
    ]  # fmt: skip
    found = kmer_distances(genomes)
    sketches = [set(hash_sketch(each, SPEC).tolist()) for each in genomes]
    coarse = 2**64 // SPEC.large_scaled
    for a in range(7):
        for b in range(7):
            pair = [sketches[a], sketches[b]]
            if 4 in (a, b):  # a large genome has one of 200 k-mers
                pair = [{each for each in own if each < coarse} for own in pair]
            share = len(pair[0] & pair[1]) / max(1, min(map(len, pair)))
            assert found[a, b] == (0 if a == b else pytest.approx(1 - share ** (1 / 21)))
    assert found[0, 1] == 0
    assert 0 < found[4, 6] < 1
    assert 0 < found[0, 2] < 0.1
    assert (found[0, 3], found[0, 5]) == (1, 1)


def test_taxonomy_distances_count_ranks_up_to_the_lowest_common_name() -> None:
    genomes = [
        genome("a", b"A", family="F", genus="G", species="G one"),
        genome("b", b"A", family="F", genus="G", species="G one"),
        genome("c", b"A", family="F", genus="G", species="G two"),
        genome("d", b"A", family="F", genus="H"),
        genome("e", b"A", family="E", genus="I", species="uncultured bacterium"),
        genome("f", b"A"),
    ]
    assert taxonomy_distances(genomes).tolist() == [
        [0, 0, 1, 2, 7, 7],
        [0, 0, 1, 2, 7, 7],
        [1, 1, 0, 2, 7, 7],
        [2, 2, 2, 0, 7, 7],
        [7, 7, 7, 7, 0, 7],
        [7, 7, 7, 7, 7, 0],
    ]
