"""gindex lab study speed: what architectures cost by length."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from gindex_cli.commands.lab.choices import ReadingDirection, StudyDevice
from gindex_cli.progress import ProgressLine


def speed(
    folder: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the table.")] = Path(
        "speed"
    ),
    size: Annotated[
        str, typer.Option("--size", metavar="NAME", help="Size whose parameters all networks have.")
    ] = "micro",
    lengths: Annotated[
        list[int] | None,
        typer.Option(
            "--length", metavar="N", min=1, help="Tokens; may be repeated. By default 256, 1,024 and 4,096."
        ),
    ] = None,
    direction: Annotated[
        ReadingDirection, typer.Option("--direction", help="What networks read.")
    ] = ReadingDirection.CAUSAL,
    device: Annotated[
        StudyDevice, typer.Option("--device", help="Device that networks are measured on.")
    ] = StudyDevice.CPU,
) -> None:
    """Measure speed and memory of each architecture by length.

    Each is measured in a process of its own, on one core or on a GPU. Writes speed.md.
    """
    from genome_index.errors import need_installed

    need_installed("gindex lab study", "torch", "transformers", extra="neural")
    from genome_index.lab.architectures.speed import LENGTHS, measure_speed

    with ProgressLine() as show:
        text = measure_speed(folder, size, lengths or LENGTHS, direction.value, device.value, show)
    typer.echo(text)
