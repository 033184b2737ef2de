"""Panels of DNA walks: a genome with the members of its species behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from genome_index.index.store.composition import Counts
from genome_index.report.figures.genome.dna_walks import level_along, walk_of_course
from genome_index.report.figures.style import Theme, bases, dress, line_alpha

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = npt.NDArray[np.float64]
Course = tuple[Counts, int]  # (P, 4), and the genome's length in bp

WALKS = {  # walk -> title, label of x (empty for the position), label of y
    "gates": ("Gates", "G - C", "T - A"),
    "nandy": ("Nandy", "G - A", "C - T"),
    "yau-bp": ("Yau by position", "", "T - A + (C - G) / 2"),
    "squiggle": ("Squiggle", "", "G - T"),
    "pyrimidine": ("Pyrimidine walk", "", "(C + T) - (A + G)"),
    "randic": ("Randić's levels, mean", "", "A 3, T 2, G 1, C 0"),
}
SMOOTHED = 50  # windows along a genome in which levels are averaged


def draw_walk(axes: Axes, name: str, genome: Course, members: Sequence[Course], theme: Theme) -> None:
    """One walk of a genome and of members that are aligned to it."""
    title, right, up = WALKS[name]
    scale, unit = bases(genome[1])
    for member in members:
        line = _line(name, member, scale)
        axes.plot(*line.T, color=theme.faint, linewidth=0.6, alpha=line_alpha(len(members)))
    axes.plot(*_line(name, genome, scale).T, color=theme.accent, linewidth=1)
    if right:
        axes.set_aspect("equal", adjustable="datalim")
        axes.locator_params(nbins=4)
    else:
        axes.margins(x=0.01)
    dress(axes, theme, title, xlabel=right or f"position ({unit})", ylabel=up)


def _line(name: str, genome: Course, scale: float) -> Floats:
    """Places at the end of each piece: (P, 2); x is the position unless the walk has its own x."""
    course, length_bp = genome
    if name in ("gates", "nandy"):
        return walk_of_course(course, name)
    places = np.arange(1, len(course) + 1) * length_bp / len(course) / scale
    over = max(1, len(course) // SMOOTHED)
    up = level_along(course, over) if name == "randic" else walk_of_course(course, name)[:, 1]
    return np.stack([places, up], axis=1)
