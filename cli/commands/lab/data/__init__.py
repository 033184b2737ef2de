"""gindex lab data: what a corpus holds; one module a command."""

from __future__ import annotations

import typer
from gindex_cli.commands.lab.data.redundancy import redundancy
from gindex_cli.commands.lab.data.topology import topology
from gindex_cli.group import Command, Group
from gindex_cli.run import guarded

app = typer.Typer(name="data", cls=Group, help="Measure what a corpus holds.", rich_markup_mode=None)

for command in (redundancy, topology):
    app.command(cls=Command)(guarded(command))


@app.callback()
def data() -> None:
    """Measure what a corpus holds."""
