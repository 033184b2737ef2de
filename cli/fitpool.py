"""gindex fit-pool: learn how to pool the chunks of an index's genomes, and take it only if it wins."""

from __future__ import annotations

from typing import Annotated

import typer
from gindex_cli.shared import DEFAULT_INDEX, DEFAULT_THREADS, IndexDir, ProgressLine, Threads, Wait, say


def fit_pool(
    index: IndexDir = DEFAULT_INDEX,
    rank: Annotated[
        str, typer.Option("--rank", help="The rank or label whose names the pool learns.")
    ] = "genus",
    threads: Threads = DEFAULT_THREADS,
    wait: Wait = 60.0,
) -> None:
    """Train attention and a GRU over chunks; keep the better one where it beats what the index has."""
    from genome_index.index.fit_pooling import fit_pool as fit

    show = ProgressLine()
    report, summary = fit(index, rank, show.settings(threads, wait))
    show.end()
    for line in report.lines():
        say(line)
    if summary is None:
        say(f"{index} stays as it is")
    else:
        number = summary.index.snapshot.number
        say(f"{index} pools by {report.kind} from snapshot {number} on; `gindex undo` goes back")
