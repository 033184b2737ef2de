"""gindex lab annotate: models that read sequence and write its annotation; one module a command."""

from __future__ import annotations

import typer
from gindex_cli.commands.lab.annotate.bake import bake
from gindex_cli.commands.lab.annotate.evaluate import evaluate
from gindex_cli.commands.lab.annotate.init import init
from gindex_cli.commands.lab.annotate.resize import resize
from gindex_cli.commands.lab.annotate.silver import silver
from gindex_cli.commands.lab.annotate.tokens import app as tokens
from gindex_cli.commands.lab.annotate.train import train
from gindex_cli.group import Command, Group
from gindex_cli.run import guarded

app = typer.Typer(
    name="annotate",
    cls=Group,
    help="Make and train models that write the annotation of a sequence.",
    rich_markup_mode=None,
)

for command in (silver, bake, init, resize, train, evaluate):
    app.command(cls=Command)(guarded(command))
app.add_typer(tokens)
