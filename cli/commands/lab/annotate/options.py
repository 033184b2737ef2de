"""Options that several commands of `gindex lab annotate` share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

BakedCorpus = Annotated[
    Path, typer.Argument(metavar="CORPUS", help="Corpus folder, made by `gindex lab annotate bake`.")
]
