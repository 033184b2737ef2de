"""Members of a species over each other as a figure: their median line, and where they leave it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from genome_index.records import counted
from genome_index.report.figures.genome.alignment import fitted, medoid
from genome_index.report.figures.genome.dna_walks import gc_along, walk_of_course
from genome_index.report.figures.genome.subjects import Member
from genome_index.report.figures.style import Theme, dress, line_alpha, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]

BAND = (10, 90)  # percentiles of the members
SMOOTHED = 5  # pieces of 256: GC content in windows of a fiftieth of the genome


@dataclass(frozen=True)
class Overlay:
    """M members at the ends of P pieces, at the fractions 1/256 ... 1 of their lengths."""

    at: Floats  # (P,)
    lines: Floats  # (M, P, 2) Yau's 2D lines, in steps
    gc: Floats  # (M, P) percent
    moved: int  # members that were rotated or reverse complemented to fit

    @property
    def shared(self) -> Floats:
        """The median at each fraction: (P, 2)."""
        return np.asarray(np.median(self.lines, axis=0))


def overlay(members: Sequence[Member]) -> Overlay:
    """The members, each rotated to fit their medoid."""
    courses = [member.course for member in members]
    model = courses[medoid(courses)]
    aligned = [fitted(course, model) for course in courses]
    lines = np.array([walk_of_course(course, "yau") for course, _ in aligned])
    gc = np.array([gc_along(course, SMOOTHED) for course, _ in aligned])
    at = np.arange(1, len(model) + 1) / len(model)
    return Overlay(at, lines, gc, sum(moved for _, moved in aligned))


def species_picture(name: str, members: Sequence[Member], total: int, theme: Theme) -> Figure:
    """The figure of a species: some or all of its `total` members."""
    aligned = overlay(members)
    figure = new_figure(theme, 10, 9, _title(name, members, total, aligned.moved))
    top, middle, bottom = figure.subplots(3, 1, height_ratios=(3, 2, 2))
    for line in aligned.lines:
        top.plot(*line.T, color=theme.faint, linewidth=0.6, alpha=line_alpha(len(members)))
    shared = aligned.shared
    top.plot(*shared.T, color=theme.accent, linewidth=1.6)
    top.margins(x=0.01)
    dress(top, theme, "Yau's 2D line: median and members",
          xlabel="steps", ylabel="C, T up; A, G down (steps)")  # fmt: skip
    _band(middle, aligned.at, aligned.lines[:, :, 1] - shared[:, 1], theme)
    dress(middle, theme, "Distance of the members from the median; band: 10th to 90th percentile",
          ylabel="steps")  # fmt: skip
    _band(bottom, aligned.at, aligned.gc, theme)
    dress(bottom, theme, "GC content in windows of 2 % of the genome",
          xlabel="fraction of the genome", ylabel="%")  # fmt: skip
    return figure


def _band(axes: Axes, at: Floats, values: Floats, theme: Theme) -> None:
    """Members as thin lines, the band of their percentiles, and the median: (P,), (M, P)."""
    for line in values:
        axes.plot(at, line, color=theme.faint, linewidth=0.5, alpha=line_alpha(len(values)))
    low, median, high = _quantiles(values)
    axes.fill_between(at, low, high, color=theme.accent, alpha=0.3, linewidth=0, zorder=3)
    axes.plot(at, median, color=theme.accent, linewidth=1.3)
    axes.margins(x=0.01)


def _quantiles(values: Floats) -> Floats:
    """Lower end of the band, median, upper end, without NaN: (M, P) -> (3, P)."""
    quantiles = np.full((3, values.shape[1]), np.nan)
    known = ~np.isnan(values).all(axis=0)
    quantiles[:, known] = np.nanpercentile(values[:, known], (BAND[0], 50, BAND[1]), axis=0)
    return quantiles


def _title(name: str, members: Sequence[Member], total: int, moved: int) -> str:
    lengths = sorted(member.length_bp for member in members)
    span = f"{lengths[0]:,} bp" if lengths[0] == lengths[-1] else f"{lengths[0]:,} to {lengths[-1]:,} bp"
    shown = counted(total, "member") if total == len(members) else f"{len(members):,} of {total:,} members"
    return f"{name}  ·  {shown}, {span}" + (f"  ·  {moved:,} rotated to fit" if moved else "")
