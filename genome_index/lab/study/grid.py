"""The grid of a study: lists of values, each combined with each, and the names of its places."""

from __future__ import annotations

from dataclasses import dataclass, fields

from genome_index.errors import UsageError
from genome_index.lab.architectures.shapes import shape_of
from genome_index.lab.architectures.table import Direction, architecture_of
from genome_index.lab.losses.table import loss_of
from genome_index.lab.study.curriculum import curriculum_of


@dataclass(frozen=True)
class Grid:
    """The values that are combined with each other."""

    architecture: tuple[str, ...] = ("pythia",)
    size: tuple[str, ...] = ("nano",)
    loss: tuple[str, ...] = ("cross-entropy",)
    temperature: tuple[float, ...] = (0.5,)
    deduplicated: tuple[float, ...] = (0.0,)
    curriculum: tuple[str, ...] = ("none",)
    budget: tuple[float, ...] = (0.0,)

    def check(self, direction: Direction) -> None:
        """Raise UsageError for a value that means nothing."""
        for architecture in self.architecture:
            architecture_of(architecture, direction)
        for size in self.size:
            shape_of(size)
        for loss in self.loss:
            for _, name in parts_of(loss):
                loss_of(name)
        for curriculum in self.curriculum:
            curriculum_of(curriculum)
        _check_numbers(self)


@dataclass(frozen=True)
class CellName:
    """A place in the grid; the same names as in `Grid`."""

    architecture: str
    size: str
    loss: str
    temperature: float
    deduplicated: float
    curriculum: str
    budget: float


AXES = tuple(each.name for each in fields(CellName))


def parts_of(loss: str) -> list[tuple[float, str]]:
    """The weights and names of a sum of losses.

    >>> parts_of("cross-entropy + 0.1 line-mse:gates")
    [(1.0, 'cross-entropy'), (0.1, 'line-mse:gates')]
    """
    parts = []
    for part in loss.split("+"):
        weight, _, name = part.strip().rpartition(" ")
        try:
            parts.append((float(weight or 1), name))
        except ValueError as error:
            raise UsageError(
                f"the loss {loss!r}: give names with weights before them, such as "
                "'cross-entropy + 0.1 line-mse'"
            ) from error
    return parts


def _check_numbers(grid: Grid) -> None:
    for identity in grid.deduplicated:
        if not 0 <= identity < 1:
            raise UsageError(f"deduplicated = {identity}: give 0, or an identity below 1, such as 0.95")
    if min(grid.budget) < 0:
        raise UsageError(f"budget = {min(grid.budget)}: give operations, or 0 for `steps`")
