"""Random bases, and genomes of given contigs."""

from __future__ import annotations

import random

from genome_index.records import Contig, Genome


def bases(length: int, seed: int = 0) -> str:
    return "".join(random.Random(seed).choices("ACGT", k=length))


def genome(*contigs: str) -> Genome:
    return Genome("g", tuple(Contig(f"c{at}", one.encode()) for at, one in enumerate(contigs)), "-")
