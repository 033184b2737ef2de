"""Shapes for comparisons of equals: as many parameters, or operations, as GPT-NeoX has at a size."""

from __future__ import annotations

from typing import Literal

from genome_index.lab.architectures.shapes import Shape, shape_of
from genome_index.lab.architectures.table import Task, operations_of, parameters_of, shape_like

Equal = Literal["shape", "parameters", "operations"]
LIKE = "pythia"  # whose parameters or operations others are given
COUNTS = {"parameters": parameters_of, "operations": operations_of}


def chosen_shape(architecture: str, size: str, equal: Equal, task: Task) -> Shape:
    """The shape of a size, or the one with as many parameters or operations as LIKE has at that size."""
    shape = shape_of(size)
    if equal == "shape":
        return shape
    count = COUNTS[equal]
    target = count(LIKE, shape, Task("causal", task.length))
    return shape_like(architecture, target, shape, task, count)
