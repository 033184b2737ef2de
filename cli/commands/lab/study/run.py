"""gindex lab study run: all runs of a study's grid."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from gindex_cli.commands.lab.choices import StudyDevice, StudyTracker
from gindex_cli.progress import ProgressLine


def run(
    plan: Annotated[Path, typer.Argument(metavar="STUDY.toml", help="Plan of the study.")],
    folder: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Folder of the results; by default the plan's name."),
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", metavar="N", min=1, help="Runs at once.")] = 1,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the results in the folder.")] = False,
    device: Annotated[
        StudyDevice, typer.Option("--device", help="Device that networks are trained on.")
    ] = StudyDevice.CPU,
    track: Annotated[
        StudyTracker, typer.Option("--track", help="Write curves while networks train.")
    ] = StudyTracker.NONE,
) -> None:
    """Train a network for each cell and seed of a study's grid.

    Each run has one row in study.duckdb, beside Markov models, context tree weighting and zstd on the same
    fragments. Runs are never made twice, and an interrupted one goes on where it was.
    """
    from genome_index.errors import need_installed

    need_installed("gindex lab study", "torch", "transformers", "scipy", "matplotlib", extra="neural")
    if track is StudyTracker.TENSORBOARD:
        need_installed("--track tensorboard", "tensorboardX", extra="neural")
    from genome_index.lab.study.plan import read_plan
    from genome_index.lab.study.report import write_report
    from genome_index.lab.study.study import run_study

    out = folder or Path(plan.stem)
    with ProgressLine() as show:
        run_study(read_plan(plan), out, jobs, resume, device.value, track is StudyTracker.TENSORBOARD, show)
    typer.echo(write_report(out))
