"""Indexes of few genera: a new species near one of them gets its genus, one of another genus gets none."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import simulated

from genome_index import ChangeSettings, Contig, Genome, IndexSpec, query_index
from genome_index.classify.reasons import BY_PRIOR
from genome_index.index.build import build
from genome_index.index.index import Index
from genome_index.records import Lineage, Taxon

LENGTH_BP = 100_000
STRAINS, DIVERGENCE = 3, 0.005  # of each species, from its founder
BELOW_SPECIES = 0.065  # share of bases in which the new species differs from the founder


def index_of(path: Path, genera: int) -> Index:
    genomes = [
        Genome(
            f"g{genus}_{strain}",
            (Contig("c", simulated.mutated(founder(genus), DIVERGENCE, 100 * genus + strain)),),
            "made up",
            Taxon(
                Lineage(
                    {
                        "superkingdom": "Bacteria",
                        "family": f"Fam{genus}aceae",
                        "genus": f"Genus{genus}",
                        "species": f"Genus{genus} una",
                    }
                )
            ),
        )
        for genus in range(genera)
        for strain in range(STRAINS)
    ]
    return build(path, genomes, IndexSpec(small_bp=1_000, large_scaled=50), None, ChangeSettings()).index


def founder(genus: int) -> bytes:
    return simulated.random_dna(7_000 + genus, LENGTH_BP)


def query(sequence: bytes) -> Genome:
    return Genome("query", (Contig("c", sequence),), "made up")


@pytest.mark.parametrize(("genera", "by_prior"), [(3, True), (6, False)])  # of six genera enough is learned
def test_a_new_species_of_a_genus_is_called(tmp_path: Path, genera: int, by_prior: bool) -> None:
    index = index_of(tmp_path / "index", genera)
    [near, absent] = query_index(
        index,
        [query(simulated.mutated(founder(1), BELOW_SPECIES, 99)), query(simulated.random_dna(5, LENGTH_BP))],
    )
    assert near.closest is not None
    assert near.closest.evidence.ani is not None
    assert 92 < near.closest.evidence.ani < 95
    assert (near.verdict, near.name) == ("genus", "Genus1")
    assert near.confidence is not None
    assert near.confidence >= 0.95
    assert near.reason.endswith(f"; {BY_PRIOR}.") is by_prior
    assert absent.verdict not in ("species", "genus", "family")
