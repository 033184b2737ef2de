"""Placement of labels on a figure: none over another, and over as few points as possible."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from genome_index.report.figures.style import SMALL, Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.transforms import Bbox

Floats = npt.NDArray[np.floating]

STEPS = (0.0, 10.0)  # further away in points, if that covers less
# Offsets of a label from its point in its own width and height: beside, above, below, at a corner.
SIDES = ((0.5, 0), (-0.5, 0), (0, 0.5), (0, -0.5), (0.5, 0.5), (-0.5, 0.5), (0.5, -0.5), (-0.5, -0.5))


@dataclass(frozen=True)
class Label:
    """The text of a point."""

    text: str
    x: float  # in the units of the axes
    y: float
    away: float  # points between the point and the text
    ringed: bool = False  # a ring around the point, which no label may cover


def write_labels(axes: Axes, labels: Sequence[Label], points: Floats, radius: float, theme: Theme) -> None:
    """Write the labels in order; a label without room is left out.

    `points` (L, 2) are drawn with `radius` in points of 1/72 inch. The axes must have their final place and
    limits; labels stay within them.
    """
    from matplotlib.patheffects import withStroke

    pixels, around = axes.transData.transform(points), radius * _pixels_a_point(axes)
    taken = [_ring(axes, label) for label in labels if label.ringed]
    for label in labels:
        text = axes.text(
            label.x, label.y, label.text, color=theme.ink, fontsize=SMALL, ha="center", va="center",
            fontweight="bold" if label.ringed else "normal", zorder=6,
            path_effects=[withStroke(linewidth=2.5, foreground=theme.paper)],
        )  # fmt: skip
        text.set_in_layout(False)
        free = [box for box in _places(axes, label, text.get_window_extent()) if _is_free(axes, box, taken)]
        if not free:
            text.remove()
            continue
        taken.append(min(free, key=lambda box: box.padded(around).count_contains(pixels)))
        x, y = axes.transData.inverted().transform(taken[-1].corners().mean(axis=0))
        text.set_position((x, y))


def _ring(axes: Axes, label: Label) -> Bbox:
    """The box in pixels around a label's point that is nearer than its text."""
    from matplotlib.transforms import Bbox

    x, y = axes.transData.transform((label.x, label.y))
    half = (label.away - 1) * _pixels_a_point(axes)
    return Bbox([[x - half, y - half], [x + half, y + half]])


def _places(axes: Axes, label: Label, box: Bbox) -> Iterator[Bbox]:
    """The text's box at each side of its point, in pixels."""
    for step, (right, up) in product(STEPS, SIDES):
        away = (label.away + step) * _pixels_a_point(axes)
        yield box.translated(right * box.width + away * np.sign(right), up * box.height + away * np.sign(up))


def _pixels_a_point(axes: Axes) -> float:
    figure = axes.get_figure(root=True)
    return (figure.dpi if figure else 72) / 72


def _is_free(axes: Axes, box: Bbox, taken: Sequence[Bbox]) -> bool:
    room = axes.get_window_extent()
    inside = room.x0 <= box.x0 and box.x1 <= room.x1 and room.y0 <= box.y0 and box.y1 <= room.y1
    return inside and not any(box.overlaps(other) for other in taken)
