"""gindex lab study losses: what each loss sees of a sequence."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from gindex_cli.commands.lab.options import CorpusDir
from gindex_cli.progress import ProgressLine


def losses(
    corpus: CorpusDir,
    folder: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of table and picture.")] = Path(
        "loss-views"
    ),
    loss: Annotated[
        list[str] | None,
        typer.Option("--loss", metavar="NAME", help="Loss; may be repeated. By default nine of them."),
    ] = None,
) -> None:
    """Show which positions losses weigh, and what their minimisers keep.

    Without a network: the logits of test fragments are free numbers. Writes losses.md and losses.png.
    """
    from genome_index.errors import need_installed

    need_installed("gindex lab study", "torch", "matplotlib", extra="neural")
    from genome_index.lab.study.loss_views import LOSSES, view_losses

    with ProgressLine() as show:
        table = view_losses(corpus, folder, loss or LOSSES, progress=show)
    typer.echo(table)
