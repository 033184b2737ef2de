"""Made-up assemblies of species of some genera, and contigs of another genus in some of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from genome_index import ChangeSettings, Contig, Genome, IndexSpec
from genome_index.index.build import build
from genome_index.records import Lineage, Suspect, Taxon
from helpers import simulated

CONTIGS, CONTIG_BP = 12, 6_000
DIVERGENCE = 0.0075  # of each member of a species from its founder
SPEC = IndexSpec(small_bp=1_000, large_scaled=8)


def founder(seed: int, gc: float = 0.5) -> list[bytes]:
    """The contigs of the founder of a species, with a share of G and C."""
    bases = [(1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2]
    return [
        simulated.BASES[np.random.default_rng(1_000 * seed + at).choice(4, CONTIG_BP, p=bases)].tobytes()
        for at in range(CONTIGS)
    ]


def species_near(parts: Sequence[bytes], seed: int) -> list[bytes]:
    """The founder of another species of the same genus."""
    return [simulated.mutated(part, 0.08, seed + at) for at, part in enumerate(parts)]


def of_species(name: str, parts: Sequence[bytes], count: int, seed: int) -> list[Genome]:
    """Assemblies of one species: each contig of the founder with its own changes."""
    genus = name.split()[0]
    taxon = Taxon(Lineage({"family": f"{genus}aceae", "genus": genus, "species": name}))
    return [
        Genome(
            f"{name.replace(' ', '_')}_{number}",
            tuple(
                Contig(f"c{at}", simulated.mutated(part, DIVERGENCE, 10_000 * seed + 100 * number + at))
                for at, part in enumerate(parts)
            ),
            "made up",
            taxon,
        )
        for number in range(count)
    ]


def with_contaminant(genome: Genome, source: Sequence[bytes], contigs: int, strain: int = 0) -> Genome:
    """The genome with contigs of another strain of the source's species."""
    added = tuple(
        Contig(f"foreign_{at}", simulated.mutated(part, DIVERGENCE, 1_000 * strain + 77 + at))
        for at, part in enumerate(source[:contigs])
    )
    return replace(genome, contigs=(*genome.contigs, *added))


def planted(
    genomes: Sequence[Genome], carriers: Collection[str], source: Sequence[bytes], contigs: int
) -> list[Genome]:
    """The genomes, of which the carriers have the same contigs of a source."""
    return [with_contaminant(one, source, contigs) if one.id in carriers else one for one in genomes]


def suspects_of(path: Path, genomes: Sequence[Genome]) -> list[Suspect]:
    """The suspects of an index of the genomes that have a foreign part."""
    found = build(path, genomes, SPEC, None, ChangeSettings()).index.catalog.suspects() or []
    return [one for one in found if one.kind in ("label", "mixture", "contigs")]


def planted_strains(
    genomes: Sequence[Genome], carriers: Sequence[str], source: Sequence[bytes], contigs: int
) -> list[Genome]:
    """The genomes, of which the carriers have the same contigs, each of another strain of the source."""
    return [
        with_contaminant(one, source, contigs, carriers.index(one.id)) if one.id in carriers else one
        for one in genomes
    ]
