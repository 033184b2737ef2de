"""Dereplication: the representative is the clean genome, neither a concatemer nor a longer draft."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import starmap
from pathlib import Path

import numpy as np
import pytest

from genome_index import Index, build_index
from genome_index.collection.dereplicate import dereplicate
from genome_index.io.sequence import reverse_complement
from genome_index.records import Contig, Genome

Contigs = Sequence[str]


def random_bases(seed: int, bp: int) -> str:
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), bp))


A = random_bases(71, 20_000)
FOREIGN = random_bases(72, 3_000)
SNP = A[:100] + ("A" if A[100] != "A" else "C") + A[101:]
ROTATED = A[7_000:] + A[:7_000]
OTHER_STRAND = reverse_complement(A.encode()).decode()
PIECES = [A[at : at + 2_000] for at in range(0, 20_000, 2_000)]


def with_n(bases: str, count: int) -> str:
    return bases[:5_000] + "N" * count + bases[5_000 + count :]


def genome(name: str, contigs: Contigs) -> Genome:
    return Genome(
        name, tuple(Contig(f"{name}_{at}", bases.encode()) for at, bases in enumerate(contigs)), name
    )


CLUSTERS: Mapping[str, tuple[Mapping[str, Contigs], str]] = {
    "a concatemer among clean genomes": (
        {"twice": [A + A], "a": [A], "rotated": [ROTATED], "rc": [OTHER_STRAND], "snp": [SNP]},
        "a",
    ),
    "a concatemer and one clean genome": ({"twice": [A + A], "a": [A]}, "a"),
    "two concatemers and one clean genome": ({"t": [A + A], "u": [ROTATED * 2], "a": [A]}, "a"),
    "a contig that is there twice": ({"twice": [A, A], "a": [A]}, "a"),
    "a longer draft with a contaminant": ({"draft": [*PIECES, FOREIGN], "a": [A], "rotated": [ROTATED]}, "a"),
    "a longer draft and one clean genome": ({"draft": [*PIECES, FOREIGN], "a": [A]}, "a"),
    "a draft with all of the sequence": ({"draft": PIECES, "a": [A]}, "a"),
    "many N": ({"n": [with_n(A, 600)], "a": [A], "rotated": [ROTATED]}, "a"),
    "filled up with N": ({"n": [A + "N" * 4_000], "a": [A]}, "a"),
    "a genome cut short": ({"short": [A[:15_000]], "a": [A], "rotated": [ROTATED]}, "a"),
    "two that differ in length only": ({"short": [A[:19_500]], "a": [A]}, "a"),
}


@pytest.mark.parametrize(("genomes", "best"), CLUSTERS.values(), ids=CLUSTERS)
def test_the_clean_genome_represents_its_cluster(
    genomes: Mapping[str, Contigs], best: str, tmp_path: Path
) -> None:
    apart = genome("apart", [random_bases(73, 20_000)])
    build_index([*starmap(genome, genomes.items()), apart], tmp_path / "idx")
    members = {member.id: member.representative for member in dereplicate(Index.open(tmp_path / "idx"), 99)}
    assert members == dict.fromkeys(genomes, best) | {"apart": "apart"}


TAIL = random_bases(74, 3_000)
SNP_AT_END = A[:-5] + ("A" if A[-5] != "A" else "C") + A[-4:]

ONE_OF_20_000 = 99.995
# Of A (20,000 bp), or of a draft with A and TAIL (23,000 bp): contigs, other contigs, and the ANI.
SAME: Mapping[str, tuple[Contigs, Contigs, float]] = {
    "a copy": ([A], [A], 100),
    "in lower case": ([A], [A.lower()], 100),
    "rotated": ([A], [ROTATED], 100),
    "the other strand": ([A], [OTHER_STRAND], 100),
    "the other strand, rotated": ([A], [OTHER_STRAND[3_333:] + OTHER_STRAND[:3_333]], 100),
    "a concatemer": ([A], [A * 2], 100),
    "a contig twice": ([A], [A, A], 100),
    "contigs in another order, on the other strand": ([A, TAIL], [TAIL, OTHER_STRAND], 100),
    "a SNP": ([A], [SNP], ONE_OF_20_000),
    "a SNP near the end": ([A], [SNP_AT_END], ONE_OF_20_000),
    "a SNP, rotated": ([A], [SNP[7_000:] + SNP[:7_000]], ONE_OF_20_000),
    "one base less": ([A], [A[:-1]], ONE_OF_20_000),
    "an N": ([A], [with_n(A, 1)], ONE_OF_20_000),
    "a SNP in one of two contigs": ([A, TAIL], [TAIL, SNP], 99.996),
    "a contig less": ([A, TAIL], [A], 99.996),
}


@pytest.mark.parametrize(("contigs", "others", "ani"), SAME.values(), ids=SAME)
def test_100_is_the_same_sequence(contigs: Contigs, others: Contigs, ani: float, tmp_path: Path) -> None:
    build_index([genome("a", contigs), genome("b", others)], tmp_path / "idx")
    index = Index.open(tmp_path / "idx")
    at_100 = {member.id: member.representative for member in dereplicate(index, 100)}
    assert len(set(at_100.values())) == (1 if ani == 100 else 2)
    nearest = [member.ani for member in dereplicate(index, 99) if member.id != member.representative]
    assert nearest == [pytest.approx(ani, abs=0.011)]
    assert (nearest == [100]) == (ani == 100)


def test_rotations_of_large_genomes_have_the_same_sampled_kmers(tmp_path: Path) -> None:
    """Their bases are not stored; a rotation far from sampled k-mers is found to be the same sequence."""
    large = random_bases(75, 500_100)
    copies = {"a": large, "rc": reverse_complement(large.encode()).decode(), "less": large[1:]}
    build_index([genome(name, [bases]) for name, bases in copies.items()], tmp_path / "idx")
    members = dereplicate(Index.open(tmp_path / "idx"), 100)
    assert [(member.id, member.representative) for member in members] == [
        ("a", "a"),
        ("rc", "a"),
        ("less", "less"),
    ]


QUERIES = {
    "the same": (A, 100.0),
    "rotated": (ROTATED, 100.0),
    "the other strand": (OTHER_STRAND, 100.0),
    "a SNP": (SNP, 99.99),
    "a piece": (A[:12_000], 100.0),
}


@pytest.mark.parametrize(("bases", "ani"), QUERIES.values(), ids=QUERIES)
def test_a_query_of_one_length_has_ani_100_to_the_same_sequence_only(
    bases: str, ani: float, tmp_path: Path
) -> None:
    build_index([genome("a", [A]), genome("far", [random_bases(73, 20_000)])], tmp_path / "idx")
    [call] = Index.open(tmp_path / "idx").query([genome("q", [bases])])
    assert call.to_dict()["closest"]["ani"] == ani
