"""How long work tells that it goes on: a function that is called now and then."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int], None]  # stage, done, of


def quiet(stage: str, done: int, of: int) -> None:
    """No progress shown."""
