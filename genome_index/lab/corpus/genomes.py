"""Genomes of a corpus as records, with their names, for encoders and sketches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from genome_index.lab.corpus.packing import bases_of
from genome_index.lab.corpus.shards import Shards
from genome_index.records import RANKS, Contig, Genome, Lineage, Progress, Taxon, quiet


def genome_of(shards: Shards, number: int) -> Genome:
    """The genome of a number; bases that are not A, C, G or T are N."""
    known = shards.genome(number)
    contigs = tuple(Contig(str(at), bases_of(codes)) for at, codes in enumerate(shards.contigs(number)))
    lineage = Lineage({rank: known.names[rank] for rank in RANKS if known.names.get(rank)})
    return Genome(known.id, contigs, str(shards.path), Taxon(lineage))


def genomes_of(
    shards: Shards, numbers: Iterable[int] | None = None, progress: Progress = quiet
) -> Iterator[Genome]:
    """The genomes of some numbers, or all in their order."""
    chosen = range(len(shards)) if numbers is None else list(numbers)
    for done, number in enumerate(chosen, 1):
        yield genome_of(shards, number)
        progress.stage("genomes of the corpus", done, len(chosen))
