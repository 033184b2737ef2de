"""gindex remove, relabel, undo: changes that read no genome."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from gindex_cli.shared import DEFAULT_INDEX, IndexDir, Wait, say

from genome_index.records import counted


def remove(
    ids: Annotated[list[str], typer.Argument(help="Ids of genomes, as `gindex list` shows them.")],
    index: IndexDir = DEFAULT_INDEX,
    wait: Wait = 60.0,
) -> None:
    """Remove genomes from an index."""
    from genome_index.index.changes import remove as remove_genomes
    from genome_index.index.commit import ChangeSettings

    summary = remove_genomes(index, ids, ChangeSettings(wait_s=wait))
    say(
        f"removed {counted(summary.removed)}: {index} holds {summary.index.snapshot.genomes:,}, "
        f"snapshot {summary.index.snapshot.number}; `gindex undo` brings them back"
    )


def relabel(
    taxonomy: Annotated[Path, typer.Argument(help="TSV or CSV with genome_id and the new ranks and labels.")],
    index: IndexDir = DEFAULT_INDEX,
    wait: Wait = 60.0,
) -> None:
    """Give genomes new names."""
    from genome_index.index.changes import relabel as relabel_genomes
    from genome_index.index.commit import ChangeSettings
    from genome_index.taxonomy.tables import read_taxonomy

    summary = relabel_genomes(index, read_taxonomy(taxonomy), ChangeSettings(wait_s=wait))
    for warning in summary.warnings:
        say(f"warning: {warning}")
    say(f"relabelled {counted(summary.relabelled)}, snapshot {summary.index.snapshot.number}")


def undo(index: IndexDir = DEFAULT_INDEX, wait: Wait = 60.0) -> None:
    """Go back to the snapshot before the last change."""
    from genome_index.index.index import undo as undo_change

    opened = undo_change(index, wait)
    say(
        f"back at snapshot {opened.snapshot.number} ({opened.snapshot.action}, {opened.snapshot.created}): "
        + counted(opened.snapshot.genomes)
    )
