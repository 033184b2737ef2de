"""gindex compare: the accuracy of several encoders, layers and poolings on the same genomes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from gindex_cli.choices import NumberFormat, ScoreFormat
from gindex_cli.inputs import planned_inputs
from gindex_cli.options import (
    ChunkTokens,
    FromFile,
    GenomePerOption,
    Inputs,
    Precision,
    TaxonomyFile,
    Windows,
)
from gindex_cli.progress import ProgressLine
from gindex_cli.run import FAILED_INPUTS, out, say

if TYPE_CHECKING:
    from genome_index.evaluate.comparison.rows import Row


Plots = Annotated[
    Path | None,
    typer.Option("--plots", metavar="DIR", help="Folder for plots over layers, as PNG and SVG."),
]


def compare(
    inputs: Inputs = None,
    encoder: Annotated[
        list[str] | None,
        typer.Option(
            "--encoder", metavar="NAME", help="Language model, folder or Hugging Face name; may be repeated."
        ),
    ] = None,
    layers: Annotated[
        str,
        typer.Option(
            "--layers",
            metavar="LAYERS",
            help="Layers to compare: all, last, a number, mean:A-B or concat:A,B.",
        ),
    ] = "all",
    taxonomy: TaxonomyFile = None,
    windows: Windows = 0,
    chunk_tokens: ChunkTokens = 0,
    precision: Precision = NumberFormat.AUTO,
    format: Annotated[ScoreFormat, typer.Option("--format", help="Output format.")] = ScoreFormat.TABLE,
    plots: Plots = None,
    genome_per: GenomePerOption = None,
    from_file: FromFile = None,
) -> None:
    """Compare encoders on genomes with known names, by layer.

    The k-mer spectrum is always among them, and each row has its difference from it, with a 95 % interval.
    """
    from genome_index.errors import UsageError
    from genome_index.evaluate.comparison.tables import FORMATS
    from genome_index.pipeline import compare_models
    from genome_index.spec import Reading

    planned = planned_inputs(inputs, from_file, taxonomy, genome_per)
    if planned.taxonomy is None:
        raise UsageError("gindex compare needs names to compare by: give --taxonomy TSV")
    reading = Reading(windows=windows, chunk_tokens=chunk_tokens, precision=precision.value)
    with ProgressLine() as show:
        comparison = compare_models(
            planned.inputs, planned.taxonomy, encoder or [], planned.per, layers, reading, show
        )
    out(FORMATS[format.value](comparison))
    if plots is not None:
        _draw(comparison.rows, plots)
    for failure in comparison.failures:
        say(f"failed: {failure.source}: {failure.id}: {failure.reason}", error=True)
    if comparison.failures:
        raise typer.Exit(FAILED_INPUTS)


def _draw(rows: list[Row], folder: Path) -> None:
    from genome_index.evaluate.comparison.layer_plots import write_plots

    for path in write_plots(rows, folder):
        say(f"wrote {path}")
