"""gindex lab: corpora for training, and the training of encoders; one module a command."""

from __future__ import annotations

import typer
from gindex_cli.commands.lab.annotate import app as annotate
from gindex_cli.commands.lab.contrast import contrast
from gindex_cli.commands.lab.corpus import corpus
from gindex_cli.commands.lab.data import app as data
from gindex_cli.commands.lab.describe import describe
from gindex_cli.commands.lab.fit import fit
from gindex_cli.commands.lab.pretrain import pretrain
from gindex_cli.commands.lab.project import project
from gindex_cli.commands.lab.proteins import proteins
from gindex_cli.commands.lab.reproduce import reproduce
from gindex_cli.commands.lab.score import score
from gindex_cli.commands.lab.study import app as study
from gindex_cli.commands.lab.train import train
from gindex_cli.group import Command, Group
from gindex_cli.run import guarded

app = typer.Typer(
    name="lab",
    cls=Group,
    help="Build corpora and train encoders.",
    epilog="`gindex evaluate-encoder` evaluates an encoder that was trained here.",
    rich_markup_mode=None,
)

for command in (corpus, describe, project, fit, train, pretrain, contrast, score, proteins, reproduce):
    app.command(cls=Command)(guarded(command))
app.add_typer(annotate)
app.add_typer(study)
app.add_typer(data)
