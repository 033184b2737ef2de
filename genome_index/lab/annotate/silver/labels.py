"""Silver labels: genes that pyrodigal (Prodigal) finds in prokaryotes, as an annotation.

They are predictions, not what anybody has seen: starts are wrong more often than stops, and there is no RNA.
pyrodigal is under the GPL, so it runs in a process of its own, of an interpreter that has it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genome_index.errors import InputError, UsageError
from genome_index.lab.annotate.files.features import Annotation, Attributes, Feature, Part, Region, Strand
from genome_index.records import Failure, Genome, Progress, counted, quiet

WORKER = Path(__file__).with_name("pyrodigal_worker.py")
CODE = 11  # the genetic code of bacteria, archaea and plastids


@dataclass(frozen=True)
class Finder:
    """How genes are looked for."""

    python: str = sys.executable  # an interpreter that has pyrodigal
    meta: bool = False  # with models of many species for all genomes; else for those too short to learn from
    code: int = CODE  # NCBI's number of the genetic code; models of meta have their own
    option: str = "--python"  # of the command, that names the interpreter
    meta_option: str = "--meta"  # of the command, that takes models of many species; empty if it has none


@dataclass(frozen=True)
class SilverLabels:
    """The annotation of all genomes, and what could not be annotated."""

    annotation: Annotation
    failures: tuple[Failure, ...]
    notes: tuple[str, ...]
    source: str  # pyrodigal and its version
    learned: int  # genomes from which it learned
    by_models: int  # genomes for which it took models of many species


class GeneProcess:
    """The process, and what it says of itself."""

    def __init__(self, finder: Finder, process: subprocess.Popen[str]) -> None:
        self._finder, self._process = finder, process
        first = self._read()
        self.name = f"pyrodigal_v{first['version']}"
        self.least_bp = int(first["least_bp"])

    def genes(self, genome: Genome, meta: bool, code: int) -> list[list[Any]]:
        """The genes of a genome.

        Raises
        ------
        InputError
        """
        contigs = [contig.sequence.decode("ascii") for contig in genome.contigs]
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"meta": meta, "code": code, "contigs": contigs}) + "\n")
        self._process.stdin.flush()
        answer = self._read()
        if "error" in answer:
            raise InputError(genome.source, f"pyrodigal cannot find genes ({answer['error']})")
        return list(answer["genes"])

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            cure = "install it with `pip install pyrodigal` (GPL-3, it runs in a process of its own)"
            raise UsageError(
                f"{self._finder.python} cannot run pyrodigal; {cure}, or give another interpreter with "
                f"{self._finder.option}"
            )
        return dict(json.loads(line))


@contextmanager
def gene_process(finder: Finder) -> Iterator[GeneProcess]:
    """A process of an interpreter that has pyrodigal.

    Raises
    ------
    UsageError
        The interpreter cannot be run, or has no pyrodigal.
    """
    python = finder.python
    pipe, none = subprocess.PIPE, subprocess.DEVNULL
    try:
        process = subprocess.Popen([python, str(WORKER)], stdin=pipe, stdout=pipe, stderr=none, text=True)
    except OSError as error:
        raise UsageError(
            f"{finder.option} {python}: cannot be run ({error.strerror}); give a Python"
        ) from error
    with process:
        try:
            yield GeneProcess(finder, process)
        finally:
            process.kill()


def silver_labels(
    genomes: Iterable[Genome | Failure], finder: Finder | None = None, progress: Progress = quiet
) -> SilverLabels:
    """The genes of prokaryotic genomes, as features gene and CDS.

    Raises
    ------
    UsageError
        pyrodigal is not there, or two genomes have a contig of one name.
    """
    finder = finder or Finder()
    features: list[Feature] = []
    regions: dict[str, Region] = {}
    failures: list[Failure] = []
    short = learned = by_models = 0
    with gene_process(finder) as process:
        for done, genome in enumerate(genomes, 1):
            progress.stage("genomes", done, 0)
            if isinstance(genome, Failure):
                failures.append(genome)
                continue
            _add_regions(genome, regions)
            own_meta = finder.meta or is_short(genome, process)
            short += is_short(genome, process)
            try:
                features += gene_features(genome, process, finder)
            except InputError as error:
                cure = f"; try {finder.meta_option}" if finder.meta_option else ""
                failures.append(Failure(genome.id, genome.source, f"{error.reason}{cure}"))
            else:
                learned, by_models = learned + (not own_meta), by_models + own_meta
    note = (
        f"{counted(short)} of less than {process.least_bp:,} bp, too short to learn from: "
        "found as with --meta"
    )
    annotation = Annotation(tuple(features), tuple(regions.values()))
    notes = (note,) if short and not finder.meta else ()
    return SilverLabels(annotation, tuple(failures), notes, process.name, learned, by_models)


def is_short(genome: Genome, process: GeneProcess) -> bool:
    """Whether a genome is too short to learn from."""
    return genome.length_bp < process.least_bp


def gene_features(genome: Genome, process: GeneProcess, finder: Finder) -> list[Feature]:
    """The genes of one genome, as features gene and CDS.

    Raises
    ------
    InputError
    """
    genes = process.genes(genome, finder.meta or is_short(genome, process), finder.code)
    return list(_features(genome, genes, process.name))


def _add_regions(genome: Genome, regions: dict[str, Region]) -> None:
    for contig in genome.contigs:
        if contig.name in regions:
            cure = "annotate them one by one"
            raise UsageError(f"{genome.source}: another genome has a contig {contig.name!r} too; {cure}")
        regions[contig.name] = Region(contig.name, 0, len(contig.sequence))


def _features(genome: Genome, genes: Iterable[list[Any]], source: str) -> Iterator[Feature]:
    """A gene and its CDS for each gene; an open end has the marks that GFF3 of NCBI has."""
    numbers: Counter[str] = Counter()
    for contig_number, begin, end, strand, opens_before, opens_after, code, start_codon, score in genes:
        contig = genome.contigs[contig_number].name
        numbers[contig] += 1
        name = f"{contig}_{numbers[contig]}"
        sign: Strand = "+" if strand == 1 else "-"
        open_ends: Attributes = (("partial", ("true",)),) if opens_before or opens_after else ()
        open_ends += (("start_range", (".", str(begin))),) if opens_before else ()
        open_ends += (("end_range", (str(end), ".")),) if opens_after else ()
        gene: Attributes = (("ID", (f"gene-{name}",)), *open_ends, ("gene_biotype", ("protein_coding",)))
        coding: Attributes = (
            ("ID", (f"cds-{name}",)), ("Parent", (f"gene-{name}",)), *open_ends,
            ("start_type", (start_codon,)), ("transl_table", (str(code),)),
        )  # fmt: skip
        # Prodigal keeps the frame at an open end: its first base is the first of a codon.
        yield Feature(contig, source, "gene", (Part(begin - 1, end, sign),), gene)
        yield Feature(contig, source, "CDS", (Part(begin - 1, end, sign, 0, float(score)),), coding)
