"""The values that options of `gindex lab annotate` may take."""

from __future__ import annotations

from enum import StrEnum


class AnnotationSize(StrEnum):
    """Sizes of an annotation model."""

    TINY = "tiny"
    SMALL = "small"
    FULL = "full"


class CoordinateForm(StrEnum):
    """How a model writes coordinates: as positions of its source, or as numbers."""

    POINTERS = "pointers"
    TEXT = "text"


class ExpertsIn(StrEnum):
    """The part of a model whose layers have experts."""

    BOTH = "both"
    ENCODER = "encoder"
    DECODER = "decoder"
