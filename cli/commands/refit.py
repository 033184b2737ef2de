"""gindex refit: projection and calibration fitted again on the genomes that the index holds now."""

from __future__ import annotations

from gindex_cli.changes import report_change
from gindex_cli.options import DEFAULT_INDEX, DEFAULT_THREADS, DEFAULT_WAIT_S, IndexDir, Threads, Wait
from gindex_cli.progress import ProgressLine


def refit(
    index: IndexDir = DEFAULT_INDEX, threads: Threads = DEFAULT_THREADS, wait: Wait = DEFAULT_WAIT_S
) -> None:
    """Refit projection and calibration on the current genomes."""
    from genome_index.index.changes import refit as refit_index

    with ProgressLine() as show:
        summary = refit_index(index, show.settings(threads, wait))
    report_change(summary, "refitted projection and calibration", show)
