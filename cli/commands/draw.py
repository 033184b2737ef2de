"""gindex draw: figures of genomes, of a species and of a collection, as PNG and SVG."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from gindex_cli.choices import MapMethod, ThemeName
from gindex_cli.group import Command, Group
from gindex_cli.inputs import tell_notes
from gindex_cli.options import (
    DEFAULT_INDEX,
    DEFAULT_THREADS,
    GenomePerOption,
    IndexDir,
    ModelOption,
    Theme,
    Threads,
)
from gindex_cli.progress import ProgressLine
from gindex_cli.run import FAILED_INPUTS, guarded, say

if TYPE_CHECKING:
    from genome_index.report.figures.write_genomes import Drawn

app = typer.Typer(
    name="draw",
    cls=Group,
    help="Draw genomes, species and collections, as PNG and SVG.",
    rich_markup_mode=None,
)

Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the figures.")]
FIGURES = Path("pictures")


@app.command("genome", cls=Command)
@guarded
def genome(
    genomes: Annotated[
        list[str],
        typer.Argument(
            metavar="GENOME", help="Genome ids of the index, or files (./NAME if an id has that name)."
        ),
    ],
    index: IndexDir = DEFAULT_INDEX,
    out: Out = FIGURES,
    theme: Theme = ThemeName.LIGHT,
    model: ModelOption = "",
    genome_per: GenomePerOption = None,
) -> None:
    """Draw composition and windows of single genomes."""
    from genome_index.index.index import Index
    from genome_index.records import Failure
    from genome_index.report.figures.write_genomes import draw_genomes
    from genome_index.taxonomy.input_plan import plan

    planned = plan(genomes, None, genome_per)
    tell_notes(planned.notes)
    failed = False
    for drawn in draw_genomes(Index.open(index, model), genomes, out, theme.value, planned.per):
        if isinstance(drawn, Failure):
            say(f"failed: {drawn.source}: {drawn.id}: {drawn.reason}", error=True)
            failed = True
        else:
            _say_written(drawn)
    if failed:
        raise typer.Exit(FAILED_INPUTS)


@app.command("species", cls=Command)
@guarded
def species(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of a species of the index.")],
    index: IndexDir = DEFAULT_INDEX,
    out: Out = FIGURES,
    theme: Theme = ThemeName.LIGHT,
) -> None:
    """Draw the members of a species over each other."""
    from genome_index.index.index import Index
    from genome_index.report.figures.write_genomes import draw_species

    _say_written(draw_species(Index.open(index), name, out, theme.value))


@app.command("map", cls=Command)
@guarded
def collection_map(
    rank: Annotated[
        str | None,
        typer.Option(
            "--rank",
            metavar="RANK",
            help="Rank or label for the colours; by default the broadest rank with at least five names.",
        ),
    ] = None,
    by: Annotated[MapMethod, typer.Option("--by", help="Projection method.")] = MapMethod.UMAP,
    index: IndexDir = DEFAULT_INDEX,
    out: Out = FIGURES,
    theme: Theme = ThemeName.LIGHT,
) -> None:
    """Draw every genome as a point; similar genomes are near."""
    from genome_index.index.index import Index
    from genome_index.report.figures.write_genomes import draw_map

    with ProgressLine() as show:
        drawn = draw_map(Index.open(index), rank, out, theme.value, by.value, show)
    _say_written(drawn)


@app.command("heatmap", cls=Command)
@guarded
def heatmap(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="Genus, family or other name; by default representatives of all."
        ),
    ] = "",
    index: IndexDir = DEFAULT_INDEX,
    out: Out = FIGURES,
    theme: Theme = ThemeName.LIGHT,
    threads: Threads = DEFAULT_THREADS,
) -> None:
    """Draw ANI and similarity of all pairs, with a tree."""
    from genome_index.index.index import Index
    from genome_index.report.figures.write_collection import draw_heatmap

    _say_written(draw_heatmap(Index.open(index), out, name, theme.value, threads))


@app.command("identity", cls=Command)
@guarded
def identity(index: IndexDir = DEFAULT_INDEX, out: Out = FIGURES, theme: Theme = ThemeName.LIGHT) -> None:
    """Draw identity within and between species."""
    from genome_index.index.index import Index
    from genome_index.report.figures.write_collection import draw_histogram

    _say_written(draw_histogram(Index.open(index), out, theme.value))


@app.command("taxonomy", cls=Command)
@guarded
def taxonomy(index: IndexDir = DEFAULT_INDEX, out: Out = FIGURES, theme: Theme = ThemeName.LIGHT) -> None:
    """Draw the number of genomes of each taxon, by rank."""
    from genome_index.index.index import Index
    from genome_index.report.figures.write_collection import draw_taxonomy

    _say_written(draw_taxonomy(Index.open(index), out, theme.value))


def _say_written(drawn: Drawn) -> None:
    for path in drawn.paths:
        say(f"wrote {path}")
    if drawn.note:
        say(f"note: {drawn.note}")
