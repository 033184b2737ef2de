"""gindex merge: the genomes of several indexes in one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from gindex_cli.changes import amount_added, report_change
from gindex_cli.options import DEFAULT_INDEX, DEFAULT_THREADS, DEFAULT_WAIT_S, IndexDir, Threads, Wait
from gindex_cli.progress import ProgressLine


def merge(
    others: Annotated[list[Path], typer.Argument(help="Index folders to merge into --index.", metavar="DIR")],
    index: IndexDir = DEFAULT_INDEX,
    threads: Threads = DEFAULT_THREADS,
    wait: Wait = DEFAULT_WAIT_S,
) -> None:
    """Merge other indexes into this one; no FASTA is needed."""
    from genome_index.index.merge import merge as merge_indexes

    with ProgressLine() as show:
        summary = merge_indexes(index, others, show.settings(threads, wait))
    report_change(summary, amount_added("merged", summary), show)
