"""How many steps a budget of operations pays."""

from __future__ import annotations

from genome_index.errors import UsageError
from genome_index.lab.architectures.equal_shapes import Equal, chosen_shape
from genome_index.lab.architectures.table import Task, operations_of

PASSES = 3  # a backward pass has twice the operations of a forward pass


def steps_of(budget: float, architecture: str, size: str, equal: Equal, task: Task, fragments: int) -> int:
    """Steps of some fragments that a budget of operations pays, forward and backward.

    Raises
    ------
    UsageError
        It does not pay one step.
    """
    shape = chosen_shape(architecture, size, equal, task)
    step = PASSES * operations_of(architecture, shape, task) * fragments * task.length
    if budget < step:
        raise UsageError(f"budget = {budget:g}: a step of {architecture} of size {size} takes {step:.2g}")
    return round(budget / step)
