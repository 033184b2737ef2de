"""Progress that is recorded, for tests of what a long task reports."""

from __future__ import annotations


class RecordedProgress:
    """All notes, and all stages as (name, done, total), in order."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.stages: list[tuple[str, int, int]] = []

    def note(self, sentence: str) -> None:
        self.notes.append(sentence)

    def stage(self, name: str, done: int, total: int) -> None:
        self.stages.append((name, done, total))

    def count(self, inputs: int, base_pairs: int) -> None:
        pass
