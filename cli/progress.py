"""Progress of a command: a live bar on a terminal, a plain line every ten seconds elsewhere."""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

from gindex_cli.run import say

from genome_index.records import counted

if TYPE_CHECKING:
    from gindex_cli.live import LiveBar

    from genome_index.index.commit import ChangeSettings

LINE_EVERY_S = 10.0  # between progress lines where there is no terminal


class ProgressLine:
    """The `Progress` protocol of the library, shown on standard error.

    `live=False` keeps to plain lines: a live bar would run through results on the same terminal.
    """

    def __init__(self, live: bool = True) -> None:
        self.start = self._stage_start = self._last = time.monotonic()
        self._name, self._done, self._first = "", 0, 0
        self._bar = _live_bar() if live and is_live_terminal() else None

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def note(self, sentence: str) -> None:
        """Print what the user should know."""
        say(f"note: {sentence}")

    def count(self, inputs: int, base_pairs: int) -> None:
        """Show how much has been read; the total is unknown."""
        mbp = base_pairs / 1e6
        self._open_ended("read", f"{counted(inputs)}, {mbp:,.1f} Mbp, {_rate(mbp / self._seconds())} Mbp/s")

    def through(self, verb: str, number: int) -> None:
        """Show how many genomes are done; the total is unknown."""
        self._open_ended(verb, f"{counted(number)}, {_rate(number / self._seconds())} genomes/s")

    def stage(self, name: str, done: int, total: int) -> None:
        """Show how far a stage is, with rate and time left; a total of 1 is a single step.

        What follows a colon in the name may change from step to step, such as the loss of a training.
        """
        if name.partition(":")[0] != self._name or done < self._done:
            self._name, self._stage_start = name.partition(":")[0], time.monotonic()
            self._first = done  # a training that goes on begins with the steps of before
        self._done = done
        if self._bar is not None:
            self._bar.stage(name, done, total, restarted=self._stage_start)
        else:
            self._line(f"{name}{f' {done:,} of {total:,}' if total > 1 else ''}{self._left(done, total)}")

    def end(self) -> None:
        """Remove the live bar."""
        if self._bar is not None:
            self._bar.stop()

    def settings(self, threads: int, wait_s: float, model: str = "") -> ChangeSettings:
        """Settings of a change that reports its progress here."""
        from genome_index.index.commit import ChangeSettings

        return ChangeSettings(threads, wait_s, self, model)

    def _seconds(self) -> float:
        return max(1e-9, time.monotonic() - self.start)

    def _left(self, done: int, total: int) -> str:
        """The time left of a stage, once its rate is known."""
        seconds, steps = time.monotonic() - self._stage_start, done - self._first
        if steps <= 0 or done >= total or seconds <= 0:
            return ""
        return f", {_rate(steps / seconds)}/s, {seconds / steps * (total - done):,.0f} s left"

    def _open_ended(self, verb: str, amount: str) -> None:
        if self._bar is not None:
            self._bar.open_ended(verb, amount)
        else:
            self._line(f"{verb} {amount}")

    def _line(self, text: str) -> None:
        now = time.monotonic()
        if now - self._last >= LINE_EVERY_S:
            self._last = now
            sys.stderr.write(text + "\n")


def is_live_terminal() -> bool:
    """Whether standard error is a terminal that can redraw a line."""
    return sys.stderr.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "unknown", "")


def _live_bar() -> LiveBar:
    from gindex_cli.live import LiveBar  # here, because it brings rich

    return LiveBar()


def _rate(value: float) -> str:
    """A rate with two digits at least: 0.031, 4.2, 1,234."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
