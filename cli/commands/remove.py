"""gindex remove: genomes out of an index."""

from __future__ import annotations

from typing import Annotated

import typer
from gindex_cli.options import DEFAULT_INDEX, DEFAULT_WAIT_S, IndexDir, Wait
from gindex_cli.run import say

from genome_index.records import counted


def remove(
    ids: Annotated[list[str], typer.Argument(metavar="ID", help="Genome ids, as `gindex list` shows them.")],
    index: IndexDir = DEFAULT_INDEX,
    wait: Wait = DEFAULT_WAIT_S,
) -> None:
    """Remove genomes from an index."""
    from genome_index.index.changes import remove as remove_genomes
    from genome_index.index.commit import ChangeSettings

    summary = remove_genomes(index, ids, ChangeSettings(wait_s=wait))
    say(
        f"removed {counted(summary.removed)}: {index} holds {summary.index.snapshot.genomes:,}, "
        f"snapshot {summary.index.snapshot.number}; `gindex undo` restores them"
    )
