"""gindex lab study figures: a species, losses by step, and generated windows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from gindex_cli.commands.lab.choices import StudyDevice, StudyFigure
from gindex_cli.commands.lab.options import CorpusDir, Seed
from gindex_cli.progress import ProgressLine


def figures(
    folder: Annotated[Path, typer.Argument(metavar="OUT", help="Folder of a study's results.")],
    corpus: CorpusDir,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Folder of the figures; by default OUT/figures."),
    ] = None,
    figure: Annotated[
        list[StudyFigure] | None,
        typer.Option("--figure", help="Figure to draw; may be repeated. By default all three."),
    ] = None,
    species: Annotated[
        str | None,
        typer.Option(
            "--species",
            metavar="NAME",
            help="Species of the overlay; by default the one with the most members.",
        ),
    ] = None,
    walk: Annotated[str, typer.Option("--walk", metavar="WALK", help="Walk of the overlay.")] = "yau",
    bound: Annotated[
        float, typer.Option("--bound", metavar="STEPS", min=0, help="Spread beyond which walks fray.")
    ] = 5.0,
    windows: Annotated[
        int, typer.Option("--windows", metavar="N", min=20, help="Windows of each origin, for the map.")
    ] = 300,
    device: Annotated[
        StudyDevice, typer.Option("--device", help="Device that networks are sampled on.")
    ] = StudyDevice.CPU,
    seed: Seed = 0,
) -> None:
    """Draw a species, losses by step, and generated windows.

    The map needs networks of eukaryotes alone, by the lineage of each genome of the corpus. Generated
    windows are never written: of them are shown places on a map and distances.
    """
    from genome_index.errors import need_installed

    modules = ("torch", "transformers", "scipy", "matplotlib", "sklearn")
    need_installed("gindex lab study", *modules, extra="neural")
    from genome_index.lab.figures.report import FIGURES, FigurePlan, write_figures

    chosen = tuple(each.value for each in figure) if figure else FIGURES
    plan = FigurePlan(chosen, species, walk, bound, windows, seed, device.value)
    with ProgressLine() as show:
        text = write_figures(folder, corpus, out or folder / "figures", plan, show)
    typer.echo(text)
