"""The outcome of a query: how many inputs got which verdict, and the fragments of each file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import typer
from gindex_cli.run import FAILED_INPUTS, say

from genome_index.records import counted
from genome_index.report.verdicts import verdict_name

if TYPE_CHECKING:
    from gindex_cli.progress import ProgressLine

    from genome_index.classify.fragments.summary import FragmentSummary
    from genome_index.records import Call


class Outcome:
    """Passes calls on, and counts their verdicts; those of fragments by file too, in `summaries`."""

    def __init__(
        self, calls: Iterable[Call], show: ProgressLine, summaries: dict[str, FragmentSummary] | None = None
    ) -> None:
        self._calls, self._show = calls, show
        self.counts = Counter[str]()
        self.summaries = summaries

    def __iter__(self) -> Iterator[Call]:
        for call in self._calls:
            self.count(call)
            self._add_to_file(call)
            yield call

    def count(self, call: Call) -> None:
        """Count one call, and show how many there are."""
        self.counts[call.verdict] += 1
        self._show.through("answered", self.number)

    def summarize(self, where: str) -> None:
        """Print how many inputs got which verdict; exits with FAILED_INPUTS if one failed.

        `where` says where the reason of a failed input is.
        """
        hint = f"; {where}" if self.failed else ""
        if hint or self.number > 1:
            say(f"{counted(self.number, 'input')}: {verdict_counts(self.counts)}{hint}", error=bool(hint))
        for line in self.by_file():
            say(line)
        if self.failed:
            raise typer.Exit(FAILED_INPUTS)

    def _add_to_file(self, call: Call) -> None:
        if self.summaries is not None:
            from genome_index.classify.fragments.summary import FragmentSummary

            self.summaries.setdefault(call.source, FragmentSummary()).add(call)

    def by_file(self) -> Iterator[str]:
        """A line for each file of fragments."""
        for source, summary in (self.summaries or {}).items():
            bases = f"{summary.bases:,} bp"
            verdicts = verdict_counts(summary.verdicts)
            yield f"{source}: {counted(summary.fragments, 'fragment')}, {bases}: {verdicts}"

    @property
    def number(self) -> int:
        return self.counts.total()

    @property
    def failed(self) -> int:
        return self.counts["failed"]


def verdict_counts(counts: Counter[str]) -> str:
    """As one says it: '712 species, 40 genus, 3 novel'."""
    return ", ".join(f"{count:,} {verdict_name(verdict)}" for verdict, count in counts.most_common() if count)
