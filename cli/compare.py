"""gindex compare: the same genomes through several encoders, layers and poolings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from gindex_cli.choices import NumberFormat
from gindex_cli.shared import (
    FAILED_INPUTS,
    ChunkTokens,
    FromFile,
    GenomePerOption,
    Inputs,
    Precision,
    ProgressLine,
    TaxonomyFile,
    Windows,
    all_inputs,
    out,
    require_format,
    say,
    tell_notes,
)

if TYPE_CHECKING:
    from genome_index.evaluate.comparison import Row


def compare(
    inputs: Inputs = None,
    encoder: Annotated[
        list[str] | None,
        typer.Option("--encoder", help="A language model's folder or hub name; give it again for each more."),
    ] = None,
    layers: Annotated[
        str,
        typer.Option("--layers", help="all, last, a number, mean:A-B or concat:A,B: each layer by itself."),
    ] = "all",
    taxonomy: TaxonomyFile = None,
    windows: Windows = 0,
    chunk_tokens: ChunkTokens = 0,
    precision: Precision = NumberFormat.AUTO,
    format: Annotated[str, typer.Option("--format", help="table or json.")] = "table",
    plots: Annotated[
        Path | None, typer.Option("--plots", help="A folder for plots over layers, as PNG and SVG.")
    ] = None,
    genome_per: GenomePerOption = None,
    from_file: FromFile = None,
) -> None:
    """Compare encoders on genomes whose names are known; the k-mer spectrum is always among them."""
    from genome_index.errors import UsageError
    from genome_index.evaluate.comparison_tables import FORMATS
    from genome_index.pipeline import compare_models
    from genome_index.spec import Reading
    from genome_index.taxonomy.input_plan import plan

    require_format(format, FORMATS)
    planned = plan(all_inputs(inputs, from_file), taxonomy, genome_per)
    tell_notes(planned.notes)
    if planned.taxonomy is None:
        raise UsageError("gindex compare needs names to compare by: give --taxonomy TSV")
    reading = Reading(windows=windows, chunk_tokens=chunk_tokens, precision=precision.value)
    show = ProgressLine()
    found = compare_models(
        planned.inputs, planned.taxonomy, encoder or [], planned.per, layers, reading, show
    )  # fmt: skip
    show.end()
    out(FORMATS[format](found))
    if plots is not None:
        _draw(found.rows, plots)
    for failure in found.failures:
        say(f"failed: {failure.source}: {failure.id}: {failure.reason}", error=True)
    if found.failures:
        raise typer.Exit(FAILED_INPUTS)


def _draw(rows: list[Row], folder: Path) -> None:
    from genome_index.evaluate.layer_plots import write_plots

    for path in write_plots(rows, folder):
        say(f"wrote {path}")
