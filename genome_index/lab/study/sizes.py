"""The shape of a run's network, and how many steps a budget of operations pays."""

from __future__ import annotations

from typing import Literal

from genome_index.errors import UsageError
from genome_index.lab.architectures.shapes import Shape, shape_of
from genome_index.lab.architectures.table import Task, operations_of, parameters_of, shape_like

Equal = Literal["shape", "parameters", "operations"]
LIKE = "pythia"  # whose parameters or operations others are given
PASSES = 3  # a backward pass has twice the operations of a forward pass
COUNTS = {"parameters": parameters_of, "operations": operations_of}


def chosen_shape(architecture: str, size: str, equal: Equal, task: Task) -> Shape:
    """The shape of a size, or the one with as many parameters or operations as LIKE has at that size."""
    shape = shape_of(size)
    if equal == "shape":
        return shape
    count = COUNTS[equal]
    target = count(LIKE, shape, Task("causal", task.length))
    return shape_like(architecture, target, shape, task, count)


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
