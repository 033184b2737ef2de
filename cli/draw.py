"""gindex draw: pictures of a genome and of a species, as PNG and SVG."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from gindex_cli.shared import (
    DEFAULT_INDEX,
    FAILED_INPUTS,
    GenomePerOption,
    IndexDir,
    guarded,
    say,
    tell_notes,
)

if TYPE_CHECKING:
    from genome_index.pictures.gallery import Drawn

app = typer.Typer(
    name="draw",
    help="Draw a genome, or a species, as PNG and SVG.",
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
    genome_per: GenomePerOption = None,
) -> None:
    """Draw genomes: a portrait and a painting of each."""
    from genome_index.index import Index
    from genome_index.inputs import plan
    from genome_index.pictures.gallery import draw_genomes
    from genome_index.reader import Failure

    planned = plan(genomes, None, genome_per)
    tell_notes(planned.notes)
    failed = False
    for drawn in draw_genomes(Index.open(index), planned.inputs, out, theme, planned.per):
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
    from genome_index.index import Index
    from genome_index.pictures.gallery import draw_species

    _told(draw_species(Index.open(index), name, out, theme))


def _told(drawn: Drawn) -> None:
    for path in drawn.paths:
        say(f"wrote {path}")
    if drawn.note:
        say(f"note: {drawn.note}")
