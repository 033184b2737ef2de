"""Settings of a query."""

from __future__ import annotations

from dataclasses import dataclass

from genome_index.records import Progress, quiet


@dataclass(frozen=True)
class QuerySettings:
    """Settings of a query: hits to report, references to ignore, threads."""

    k: int = 5  # hits reported
    exclude_identical: bool = False  # leave out references with exactly the sequence of the query
    threads: int = 1
    progress: Progress = quiet  # of a language model within some queries
