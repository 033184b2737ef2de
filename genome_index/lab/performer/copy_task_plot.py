"""Figure of the copy task's losses; the curves of whole sequences and of chunks should coincide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from genome_index.report.figures.style import PALETTE, Theme, dress, new_figure, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POINTS = 250  # of a curve, each the mean of some iterations: the loss of single rows is noisy
LOOKS = ((4.0, "-"), (2.4, (0, (4, 2))), (1.2, (0, (1, 1.5))))  # width in points, dashes; all stay visible


def chunk_label(chunk: int) -> str:
    """The label of a chunk length; 0 is the whole sequence."""
    return f"chunks of {chunk:,}" if chunk else "whole"


def draw_losses(curves: Mapping[int, Sequence[float]], theme: Theme, stem: Path) -> list[Path]:
    """Draw losses by chunk in bits per token, and their difference from the first -> PNG and SVG.

    A single curve has no difference, and fills the figure.
    """
    figure = new_figure(theme, 9.5, 4.2, "Copy task, by chunks and by whole sequences")
    left, *others = figure.subplots(1, min(2, len(curves)), squeeze=False)[0]
    [first, *_] = curves
    whole = np.array(curves[first])
    for at, (chunk, losses) in enumerate(curves.items()):
        width, dashes = LOOKS[min(at, len(LOOKS) - 1)]
        look = {"color": PALETTE[at], "linewidth": width, "linestyle": dashes, "label": chunk_label(chunk)}
        left.plot(*_means(np.array(losses)), **look)
        for right in others if chunk != first else []:
            iterations, distance = _means(np.abs(np.array(losses) - whole))
            distance = np.where(distance > 0, distance, np.nan)
            right.plot(iterations, distance, color=PALETTE[at], linewidth=1.4)
    dress(left, theme, title="training loss (bits a token)", xlabel="iteration")
    left.set_ylim(bottom=0)
    for right in others:
        dress(right, theme, title=f"difference from {chunk_label(first)} (bits a token)", xlabel="iteration")
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
    """Middle iteration and mean of at most POINTS intervals."""
    parts = np.array_split(values, min(POINTS, len(values)))
    lengths = np.array([len(part) for part in parts])
    return np.cumsum(lengths) - (lengths - 1) / 2, np.array([part.mean() for part in parts])
