"""gindex relabel: new names and labels for genomes of an index."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from gindex_cli.changes import tell_interleaved
from gindex_cli.options import DEFAULT_INDEX, DEFAULT_WAIT_S, IndexDir, Wait
from gindex_cli.progress import ProgressLine
from gindex_cli.run import say

from genome_index.records import counted


def relabel(
    taxonomy: Annotated[
        Path,
        typer.Argument(metavar="TABLE", help="TSV or CSV with genome_id and the new ranks and labels."),
    ],
    index: IndexDir = DEFAULT_INDEX,
    wait: Wait = DEFAULT_WAIT_S,
) -> None:
    """Change the names and labels of genomes.

    A rank or label without a column stays as it is; an empty cell removes it.
    """
    from genome_index.index.changes import relabel as relabel_genomes
    from genome_index.taxonomy.tables import read_taxonomy

    with ProgressLine() as show:
        summary = relabel_genomes(index, read_taxonomy(taxonomy), show.settings(1, wait))
    for warning in summary.warnings:
        say(f"warning: {warning}")
    say(f"relabelled {counted(summary.relabelled)}, snapshot {summary.index.snapshot.number}")
    tell_interleaved(summary.index)
