"""gindex fit-pool: a learned pooling of the chunks of an index's genomes."""

from __future__ import annotations

from typing import Annotated

import typer
from gindex_cli.options import DEFAULT_INDEX, DEFAULT_THREADS, DEFAULT_WAIT_S, IndexDir, Threads, Wait
from gindex_cli.progress import ProgressLine
from gindex_cli.run import say


def fit_pool(
    index: IndexDir = DEFAULT_INDEX,
    rank: Annotated[
        str, typer.Option("--rank", metavar="RANK", help="Rank or label whose names the pooling learns.")
    ] = "genus",
    threads: Threads = DEFAULT_THREADS,
    wait: Wait = DEFAULT_WAIT_S,
) -> None:
    """Learn a pooling of chunks; use it if it is more accurate.

    Attention and a GRU are trained; the index takes the better one only if it beats the present pooling.
    """
    from genome_index.index.fit_pooling import fit_pool as fit

    with ProgressLine() as show:
        report, summary = fit(index, rank, show.settings(threads, wait))
    for line in report.lines():
        say(line)
    if summary is None:
        say(f"{index} is unchanged")
    else:
        number = summary.index.snapshot.number
        say(f"{index} pools by {report.kind} from snapshot {number} on; `gindex undo` restores the other")
