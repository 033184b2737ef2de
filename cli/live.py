"""The live progress bar of a terminal, drawn by rich: stage, bar, amount, rate and time left."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, Progress, Task, TextColumn, TimeRemainingColumn
from rich.text import Text


class RateColumn(TextColumn):
    """Steps per second, as rich estimates them from the last steps; empty while unknown."""

    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Task) -> Text:
        if task.total is None or not task.speed:
            return Text("")
        return Text(f"{task.speed:,.0f}/s" if task.speed >= 10 else f"{task.speed:.2g}/s", style="cyan")


class LiveBar:
    """One line on standard error, redrawn in place and removed at the end."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[amount]}", markup=False),
            RateColumn(),
            TimeRemainingColumn(compact=True),
            console=Console(stderr=True),
            transient=True,
            redirect_stdout=False,  # results on standard output are not the terminal's
        )
        self._task = self._progress.add_task("starting", total=None, amount="")
        self._restarted = 0.0
        self._progress.start()

    def stage(self, name: str, done: int, total: int, restarted: float) -> None:
        """Show a stage; `restarted` is the moment it began, and another one begins a new estimate."""
        amount = f"{done:,} of {total:,}" if total > 1 else ""
        if restarted != self._restarted:
            self._restarted = restarted
            self._progress.reset(self._task)
        self._progress.update(
            self._task, description=name, completed=done, total=total if total > 1 else None, amount=amount
        )

    def open_ended(self, verb: str, amount: str) -> None:
        """Show work whose total is unknown."""
        self._progress.update(self._task, description=verb, total=None, amount=amount)

    def stop(self) -> None:
        self._progress.stop()
