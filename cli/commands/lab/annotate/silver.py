"""gindex lab annotate silver: genes that pyrodigal finds, as GFF3."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from gindex_cli.inputs import all_inputs
from gindex_cli.options import FromFile, GenomePerOption, Inputs
from gindex_cli.progress import ProgressLine
from gindex_cli.run import FAILED_INPUTS, say

Python = Annotated[
    str,
    typer.Option(
        "--python",
        metavar="PATH",
        help="Interpreter that has pyrodigal, which runs in a process of its own; this one by default.",
    ),
]


def silver(
    inputs: Inputs = None,
    path: Annotated[Path, typer.Option("--out", metavar="GFF", help="GFF3 file to write.")] = Path(
        "genes.gff3"
    ),
    meta: Annotated[
        bool, typer.Option("--meta", help="Models of many species, not those of each genome.")
    ] = False,
    code: Annotated[
        int, typer.Option("--code", metavar="N", min=1, max=25, help="Genetic code, by its number at NCBI.")
    ] = 11,
    python: Python = "",
    genome_per: GenomePerOption = None,
    from_file: FromFile = None,
) -> None:
    """Annotate prokaryotes with the genes that pyrodigal finds.

    They are predictions: silver labels for training, and to compare with.
    """
    from genome_index.io.reader import iter_genomes
    from genome_index.lab.annotate.files.gff3_writer import write_gff3
    from genome_index.lab.annotate.silver.labels import Finder, silver_labels
    from genome_index.records import counted

    genomes = iter_genomes(all_inputs(inputs, from_file), genome_per.value if genome_per else "file")
    with ProgressLine() as show:
        labels = silver_labels(genomes, Finder(python or sys.executable, meta, code), show)
    write_gff3(labels.annotation, path)
    for failure in labels.failures:
        say(f"{failure.source}: {failure.reason}", error=True)
    for note in labels.notes:
        say(note)
    genes = sum(feature.type == "gene" for feature in labels.annotation.features)
    contigs = counted(len(labels.annotation.regions), "contig")
    say(f"{path}: {counted(genes, 'gene')} on {contigs}, predicted, not observed.")
    if labels.failures:
        raise typer.Exit(FAILED_INPUTS)
