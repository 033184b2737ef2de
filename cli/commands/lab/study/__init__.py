"""gindex lab study: losses, architectures, data and sizes compared on a grid; one module a command."""

from __future__ import annotations

import typer
from gindex_cli.commands.lab.study.figures import figures
from gindex_cli.commands.lab.study.losses import losses
from gindex_cli.commands.lab.study.report import report
from gindex_cli.commands.lab.study.run import run
from gindex_cli.commands.lab.study.scaling import scaling
from gindex_cli.commands.lab.study.speed import speed
from gindex_cli.group import Command, Group
from gindex_cli.run import guarded

app = typer.Typer(
    name="study",
    cls=Group,
    help="Compare losses, architectures, data and sizes of nucleotide models.",
    rich_markup_mode=None,
)

for command in (run, report, scaling, figures, speed, losses):
    app.command(cls=Command)(guarded(command))
