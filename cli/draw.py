"""gindex draw: pictures of a genome, of a species and of a whole collection, as PNG and SVG."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from gindex_cli.shared import (
    DEFAULT_INDEX,
    DEFAULT_THREADS,
    FAILED_INPUTS,
    GenomePerOption,
    IndexDir,
    ModelOption,
    ProgressLine,
    Threads,
    guarded,
    say,
    tell_notes,
)

if TYPE_CHECKING:
    from genome_index.report.figures.write_genomes import Drawn

app = typer.Typer(
    name="draw",
    help="Draw a genome, a species, or a whole collection, as PNG and SVG.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Out = Annotated[Path, typer.Option("--out", help="The folder for the pictures.")]
ThemeOption = Annotated[str, typer.Option("--theme", help="light or dark.")]
PICTURES = Path("pictures")


@app.command("genome")
@guarded
def genome(
    genomes: Annotated[
        list[str],
        typer.Argument(help="Ids of genomes of the index, or files (./NAME for one that is named as an id)."),
    ],
    index: IndexDir = DEFAULT_INDEX,
    out: Out = PICTURES,
    theme: ThemeOption = "light",
    model: ModelOption = "",
    genome_per: GenomePerOption = None,
) -> None:
    """Draw genomes: a portrait and a painting of each."""
    from genome_index.index.index import Index
    from genome_index.records import Failure
    from genome_index.report.figures.write_genomes import draw_genomes
    from genome_index.taxonomy.input_plan import plan

    planned = plan(genomes, None, genome_per)
    tell_notes(planned.notes)
    failed = False
    for drawn in draw_genomes(Index.open(index, model), planned.inputs, out, theme, planned.per):
        if isinstance(drawn, Failure):
            say(f"failed: {drawn.source}: {drawn.id}: {drawn.reason}", error=True)
            failed = True
        else:
            _told(drawn)
    if failed:
        raise typer.Exit(FAILED_INPUTS)


@app.command("species")
@guarded
def species(
    name: Annotated[str, typer.Argument(help="The name of a species of the index.")],
    index: IndexDir = DEFAULT_INDEX,
    out: Out = PICTURES,
    theme: ThemeOption = "light",
) -> None:
    """Draw the members of a species over each other."""
    from genome_index.index.index import Index
    from genome_index.report.figures.write_genomes import draw_species

    _told(draw_species(Index.open(index), name, out, theme))


@app.command("map")
@guarded
def collection_map(
    rank: Annotated[
        str | None,
        typer.Option(
            "--rank",
            help="The rank or label that gives the colours; else the broadest rank with five names or more.",
        ),
    ] = None,
    by: Annotated[str, typer.Option("--by", help="umap, or pca: principal components.")] = "umap",
    index: IndexDir = DEFAULT_INDEX,
    out: Out = PICTURES,
    theme: ThemeOption = "light",
) -> None:
    """Draw every genome of the index as a point: near each other is alike."""
    from genome_index.index.index import Index
    from genome_index.report.figures.write_genomes import draw_map

    show = ProgressLine()
    drawn = draw_map(Index.open(index), rank, out, theme, by, show)
    show.end()
    _told(drawn)


@app.command("heatmap")
@guarded
def heatmap(
    name: Annotated[
        str,
        typer.Argument(help="A genus, family or other name; without it those that stand for all are drawn."),
    ] = "",
    index: IndexDir = DEFAULT_INDEX,
    out: Out = PICTURES,
    theme: ThemeOption = "light",
    threads: Threads = DEFAULT_THREADS,
) -> None:
    """Draw genomes all against all: ANI and similarity, with their tree."""
    from genome_index.index.index import Index
    from genome_index.report.figures.write_collection import draw_heatmap

    _told(draw_heatmap(Index.open(index), out, name, theme, threads))


@app.command("identity")
@guarded
def identity(index: IndexDir = DEFAULT_INDEX, out: Out = PICTURES, theme: ThemeOption = "light") -> None:
    """Draw identity within and between species, and what the species ask for."""
    from genome_index.index.index import Index
    from genome_index.report.figures.write_collection import draw_histogram

    _told(draw_histogram(Index.open(index), out, theme))


@app.command("taxonomy")
@guarded
def taxonomy(index: IndexDir = DEFAULT_INDEX, out: Out = PICTURES, theme: ThemeOption = "light") -> None:
    """Draw the names of the genomes, rank by rank, with how many bear each."""
    from genome_index.index.index import Index
    from genome_index.report.figures.write_collection import draw_taxonomy

    _told(draw_taxonomy(Index.open(index), out, theme))


def _told(drawn: Drawn) -> None:
    for path in drawn.paths:
        say(f"wrote {path}")
    if drawn.note:
        say(f"note: {drawn.note}")
