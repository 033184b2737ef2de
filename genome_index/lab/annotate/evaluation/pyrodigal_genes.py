"""Baseline: the genes that pyrodigal (Prodigal) finds, genome by genome, in a process of its own."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from genome_index.lab.annotate.evaluation.contigs import EvaluatedContig
from genome_index.lab.annotate.silver.labels import Finder, SilverLabels, silver_labels
from genome_index.records import Genome, Progress, counted, quiet


@dataclass(frozen=True)
class PyrodigalGenes:
    """Genes, and how they were found."""

    labels: SilverLabels
    code: int  # the genetic code of those genomes from which it learned
    kb_per_second: float  # the start of the process included

    def sentences(self) -> Iterator[str]:
        """How they were found, and genomes that failed, for the user."""
        labels = self.labels
        yield (
            f"{labels.source} learned from each of {counted(labels.learned)} (genetic code {self.code}), and "
            f"took models of many species for {labels.by_models:,} too short to learn from; "
            f"{self.kb_per_second:,.1f} kb/s"
        )
        for failure in labels.failures:
            yield f"{failure.id}: {failure.reason}; it counts as a genome without genes"


def pyrodigal_genes(
    contigs: Iterable[EvaluatedContig], finder: Finder, progress: Progress = quiet
) -> PyrodigalGenes:
    """The genes of genomes, each with what is learned from all of its contigs.

    Raises
    ------
    UsageError
        pyrodigal is not there.
    """
    genomes = list(_genomes(contigs))
    begun = time.perf_counter()
    labels = silver_labels(genomes, finder, progress)
    seconds = time.perf_counter() - begun
    base_pairs = sum(genome.length_bp for genome in genomes)
    return PyrodigalGenes(labels, finder.code, base_pairs / 1000 / max(seconds, 1e-9))


def _genomes(contigs: Iterable[EvaluatedContig]) -> Iterator[Genome]:
    for name, own in groupby(contigs, key=lambda each: each.genome):
        yield Genome(name, tuple(each.contig for each in own), name)
