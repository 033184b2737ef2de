"""The picture of a scaling study: losses by size, a colour a budget, with the fitted law."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from genome_index.io.atomic import disk_errors
from genome_index.lab.scaling.law import OPERATIONS, ScalingLaw
from genome_index.lab.study.report import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Row = dict[str, Any]


def draw_scaling(parts: Sequence[tuple[str, Sequence[Row], ScalingLaw]], path: Path) -> None:
    """A panel for each name with its runs and law."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1 + 5 * len(parts), 4), layout="constrained", facecolor="white")
    panels = figure.subplots(1, len(parts), squeeze=False)[0]
    for panel, (name, rows, law) in zip(panels, parts, strict=True):
        _draw(panel, rows, law)
        panel.set(title=name, xlabel="N, half of the operations of a token", xscale="log")
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("bits a base, validation")
    panels[-1].legend(frameon=False, fontsize=7, title="operations")
    with disk_errors(path):
        figure.savefig(path, dpi=150)


def _draw(panel: Axes, rows: Sequence[Row], law: ScalingLaw) -> None:
    every = np.array([row["operations"] / 2 for row in rows])
    sizes = np.geomspace(every.min() / 1.5, every.max() * 1.5, 100)
    highest = max(row["validation_bits"] for row in rows)
    for number, budget in enumerate(sorted({row["budget"] for row in rows})):
        own = [row for row in rows if row["budget"] == budget]
        colour = COLOURS[number % len(COLOURS)]
        points = [[row["operations"] / 2 for row in own], [row["validation_bits"] for row in own]]
        panel.plot(*points, "o", color=colour, markersize=4, label=f"{budget:.0e}")
        panel.plot(sizes, law.loss(sizes, budget / OPERATIONS / sizes), color=colour, linewidth=1)
    panel.set_ylim(None, highest + 0.01)
