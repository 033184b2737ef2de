"""Dereplication: the representative is the clean genome, neither a concatemer nor a longer draft."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    named = [
        Genome(name, tuple(Contig(f"{name}_{at}", bases.encode()) for at, bases in enumerate(contigs)), name)
        for name, contigs in genomes.items()
    ]
    apart = Genome("apart", (Contig("apart", random_bases(73, 20_000).encode()),), "apart")
    build_index([*named, apart], tmp_path / "idx")
    members = {member.id: member.representative for member in dereplicate(Index.open(tmp_path / "idx"), 99)}
    assert members == dict.fromkeys(genomes, best) | {"apart": "apart"}
