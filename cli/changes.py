"""The last lines of a command that changed an index: warnings, failures, and what the index holds now."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import typer
from gindex_cli.run import FAILED_INPUTS, say

from genome_index.records import counted

if TYPE_CHECKING:
    from gindex_cli.progress import ProgressLine

    from genome_index.index.commit import ChangeSummary
    from genome_index.index.index import Index

MOST_PAIRS = 3  # of interleaved names shown at the end; `gindex report` lists them all
MOST_FAILURES = 20  # shown at the end; the index stores them all (`gindex info --failures`)


def amount_added(verb: str, summary: ChangeSummary) -> str:
    """How much was added: 'built 60 genomes (4.2 Mbp)'."""
    part = f", {summary.share_read:.1%} of it read in windows" if summary.share_read < 1 else ""
    return f"{verb} {counted(summary.added)} ({summary.base_pairs / 1e6:,.1f} Mbp{part})"


def report_change(summary: ChangeSummary, done: str, show: ProgressLine) -> None:
    """Print the outcome of a change; exits with FAILED_INPUTS if an input failed."""
    show.end()
    seconds = time.monotonic() - show.start
    for warning in summary.warnings:
        say(f"warning: {warning}")
    _report_failures(summary)
    parts = [done]
    parts += [f"{summary.resumed:,} of them from an interrupted run"] if summary.resumed else []
    parts += [f"{summary.unchanged:,} already in the index"] if summary.unchanged else []
    parts += [f"{len(summary.failures):,} failed"] if summary.failures else []
    index = summary.index
    say(
        f"{', '.join(parts)} in {seconds:.1f} s: {index.path} holds {counted(index.snapshot.genomes)}, "
        f"snapshot {index.snapshot.number}"
    )
    tell_interleaved(index)
    if summary.failures:
        raise typer.Exit(FAILED_INPUTS)


def tell_interleaved(index: Index) -> None:
    """Say which names of the index look like one, the first of them."""
    pairs = index.interleaved
    for pair in pairs[:MOST_PAIRS]:
        say(f"note: {pair.sentence}")
    if len(pairs) > MOST_PAIRS:
        more = len(pairs) - MOST_PAIRS
        say(f"note: {more:,} more pairs of names are interleaved; `gindex report` lists them")


def _report_failures(summary: ChangeSummary) -> None:
    for failure in summary.failures[:MOST_FAILURES]:
        say(f"failed: {failure.source}: {failure.id}: {failure.reason}", error=True)
    more = len(summary.failures) - MOST_FAILURES
    if more > 0:
        say(f"... and {more} more; `gindex info --failures` lists them all", error=True)
