"""gindex annotate: genes and other features of genomes, written by an annotation model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from gindex_cli.inputs import all_inputs
from gindex_cli.options import FromFile, Inputs
from gindex_cli.progress import ProgressLine
from gindex_cli.run import FAILED_INPUTS, out, say

ModelDir = Annotated[
    Path, typer.Option("--model", metavar="DIR", help="Model folder, made by `gindex lab annotate train`.")
]
Window = Annotated[
    int,
    typer.Option("--window", metavar="BP", min=0, help="Window length in bp; 0: as in the model's training."),
]
Stride = Annotated[
    int, typer.Option("--stride", metavar="BP", min=0, help="Distance of windows in bp; 0: half a window.")
]
OneStrand = Annotated[
    bool,
    typer.Option(
        "--one-strand", help="Read the forward strand alone, in half the time; genes of both are found."
    ),
]
Circular = Annotated[
    bool,
    typer.Option("--circular", help="All contigs are circular: read them over their origin as well."),
]
Format = Annotated[str, typer.Option("--format", metavar="FORMAT", help="Output format: gff3.")]


def annotate(
    model: ModelDir,
    inputs: Inputs = None,
    window: Window = 0,
    stride: Stride = 0,
    one_strand: OneStrand = False,
    circular: Circular = False,
    format: Format = "gff3",
    from_file: FromFile = None,
) -> None:
    """Annotate genomes by a model, as GFF3.

    Features that are cut by the end of a contig are written with partial=true. With --circular, what crosses
    the origin is whole and has an end beyond the length of its contig, as in GFF3.
    """
    from genome_index.errors import UsageError, need_installed

    if format != "gff3":
        raise UsageError(f"--format {format}: choose gff3")
    given = all_inputs(inputs, from_file)
    need_installed("gindex annotate", "torch", "safetensors", "tokenizers", extra="neural")
    from genome_index.io.reader import iter_genomes
    from genome_index.lab.annotate.files.features import Annotation, Region
    from genome_index.lab.annotate.files.gff3_writer import gff3_lines
    from genome_index.lab.annotate.prediction.annotate import annotate as annotated
    from genome_index.lab.annotate.prediction.annotate import open_annotator
    from genome_index.records import Failure

    annotator = open_annotator(model)
    plan = annotator.plan(window, stride, both_strands=not one_strand)
    failed, begun = 0, False
    with ProgressLine() as progress:
        for genome in iter_genomes(given):
            if isinstance(genome, Failure):
                failed += 1
                say(f"failed: {genome.source}: {genome.reason}", error=True)
                continue
            regions = tuple(Region(contig.name, 0, len(contig.sequence)) for contig in genome.contigs)
            features = tuple(annotated(genome.contigs, annotator, plan, progress, circular))
            lines = gff3_lines(Annotation(features, regions))
            out(list(lines)[begun:])  # the version stands in the first line of the file alone
            begun = True
    if failed:
        raise typer.Exit(FAILED_INPUTS)
