"""The copy task's losses as a picture: all at once and piece by piece should lie on each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from genome_index.report.figures.style import PALETTE, Theme, dress, new_figure, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POINTS = 250  # of a curve, each the mean of some iterations: a single row's loss jumps
LOOKS = ((4.0, "-"), (2.4, (0, (4, 2))), (1.2, (0, (1, 1.5))))  # points, dashes: the first shows through


def way(chunk: int) -> str:
    """How a network learned, in words."""
    return f"chunks of {chunk:,}" if chunk else "whole"


def draw_losses(curves: Mapping[int, Sequence[float]], theme: Theme, stem: Path) -> list[Path]:
    """Losses by chunk, in bits a token, and how far they are from the first's -> PNG and SVG."""
    figure = new_figure(theme, 9.5, 4.2, "Learning to copy, piece by piece and all at once")
    left, right = figure.subplots(1, 2)
    [first, *_] = curves
    whole = np.array(curves[first])
    for at, (chunk, losses) in enumerate(curves.items()):
        width, dashes = LOOKS[min(at, len(LOOKS) - 1)]
        look = {"color": PALETTE[at], "linewidth": width, "linestyle": dashes, "label": way(chunk)}
        left.plot(*_means(np.array(losses)), **look)
        if chunk != first:
            iterations, apart = _means(np.abs(np.array(losses) - whole))
            right.plot(iterations, np.where(apart > 0, apart, np.nan), color=PALETTE[at], linewidth=1.4)
    dress(left, theme, title="training loss (bits a token)", xlabel="iteration")
    dress(right, theme, title=f"difference from {way(first)} (bits a token)", xlabel="iteration")
    left.set_ylim(bottom=0)
    _logarithmic(right)
    handles, labels = left.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=8, labelcolor=theme.ink
    )
    return save(figure, stem)


def _logarithmic(axes: Axes) -> None:
    from matplotlib.ticker import LogFormatterSciNotation, NullFormatter

    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(LogFormatterSciNotation())
    axes.yaxis.set_minor_formatter(NullFormatter())


def _means(values: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Middle iteration and mean of at most POINTS stretches."""
    cuts = np.array_split(values, min(POINTS, len(values)))
    ends = np.cumsum([len(one) for one in cuts])
    return ends - (np.array([len(one) for one in cuts]) - 1) / 2, np.array([one.mean() for one in cuts])
