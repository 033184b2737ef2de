"""Measurement of the SLiM Performer paper's claims: memory and time over lengths, and the copy task.

Likhosherstov et al. 2021, arXiv 2012.11346.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from genome_index.errors import UsageError
from genome_index.lab.performer import copy_task as copytask
from genome_index.lab.performer.length_benchmark import LENGTHS, measure
from genome_index.lab.performer.length_benchmark import table as table_of_lengths
from genome_index.records import Progress, quiet

PARTS = ("lengths", "copy")


def reproduce(
    out: Path, only: str = "", lengths: Sequence[int] | None = None,
    iterations: int = copytask.PAPER_ITERATIONS, double: bool = False, theme: str = "light",
    progress: Progress = quiet,
) -> list[str]:  # fmt: skip
    """Measure both, or one of them, into a folder; returns a Markdown table of each.

    Raises
    ------
    UsageError
    """
    if only and only not in PARTS:
        raise UsageError(f"--only {only}: choose {' or '.join(PARTS)}, or omit it for both")
    tables = []
    if only != "copy":
        tables.append(table_of_lengths(measure(lengths or LENGTHS, out, theme=theme, progress=progress)))
    if only != "lengths":
        task = copytask.Task(iterations, double=double)
        tables.append(copytask.table(copytask.learn_copying(out, task, theme=theme, progress=progress)))
    return tables
