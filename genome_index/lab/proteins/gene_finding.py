"""Ways to find the proteins of a genome: six frames, pyrodigal's genes, or those that a model writes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from genome_index.errors import InputError, UsageError
from genome_index.lab.annotate.files.features import Feature
from genome_index.lab.annotate.silver.labels import Finder, gene_features, gene_process
from genome_index.lab.genetic_codes import translate
from genome_index.lab.proteins.coding import coding_proteins
from genome_index.lab.proteins.six_frames import six_frames
from genome_index.records import Contig, Genome, Progress, quiet

GeneSource = Literal["six-frames", "pyrodigal", "model"]
ProteinsOf = Callable[[Genome], list[bytes]]
"""The proteins of a genome; it raises InputError for a genome in which none can be looked for."""
FeaturesOf = Callable[[Genome], list[Feature]]


@dataclass(frozen=True)
class GeneSettings:
    """How genes are found and translated."""

    genes: GeneSource = "six-frames"
    code: int = 11  # NCBI's number of the genetic code, of queries and references
    python: str = ""  # an interpreter that has pyrodigal; empty: this one
    model: Path | None = None  # folder of an annotation model

    def __post_init__(self) -> None:
        translate(b"", self.code)  # it refuses a code that NCBI does not have
        if (self.genes == "model") != (self.model is not None):
            raise UsageError("--genes model and --model DIR need each other: give both or neither")


@contextmanager
def protein_finder(settings: GeneSettings, progress: Progress = quiet) -> Iterator[ProteinsOf]:
    """What finds the proteins of genomes, one by one; a process that it needs ends with the context.

    Raises
    ------
    UsageError, ModelError
    """
    if settings.genes == "six-frames":
        yield lambda genome: [
            stretch for contig in genome.contigs for stretch in six_frames(contig.sequence, settings.code)
        ]
        return
    finder = _pyrodigal(settings) if settings.genes == "pyrodigal" else _model(settings, progress)
    with finder as features_of:

        def proteins_of(genome: Genome) -> list[bytes]:
            numbered = _numbered(genome)
            return list(coding_proteins(numbered.contigs, features_of(numbered), settings.code))

        yield proteins_of


def _numbered(genome: Genome) -> Genome:
    """The genome with numbers as names of its contigs, because files may have two contigs of one name."""
    contigs = tuple(Contig(str(number), own.sequence) for number, own in enumerate(genome.contigs, 1))
    return replace(genome, contigs=contigs)


@contextmanager
def _pyrodigal(settings: GeneSettings) -> Iterator[FeaturesOf]:
    """Genes by models of the genome itself; a genome shorter than 20,000 bp by models of many species."""
    finder = Finder(settings.python or sys.executable, code=settings.code, option="--pyrodigal")
    with gene_process(finder) as process:

        def features_of(genome: Genome) -> list[Feature]:
            try:
                return gene_features(genome, process, finder)
            except InputError as error:
                reason = f"{error.reason}; choose --genes six-frames"
                raise InputError(genome.source, reason) from error

        yield features_of


@contextmanager
def _model(settings: GeneSettings, progress: Progress) -> Iterator[FeaturesOf]:
    from genome_index.lab.annotate.prediction.annotate import annotate, open_annotator  # they bring torch

    assert settings.model is not None
    annotator = open_annotator(settings.model)
    plan = annotator.plan()
    yield lambda genome: list(annotate(genome.contigs, annotator, plan, progress))
