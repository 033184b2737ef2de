"""Picture of a report of topology: neighbours kept by encoder, and where its distances lie by rank."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from genome_index.io.atomic import disk_errors
from genome_index.lab.topology.measures import Measures, Sample
from genome_index.lab.topology.tables import Row, ends_of

COLOURS = {0: ("same species", "#0072B2"), 1: ("same genus", "#009E73"), 2: ("same family", "#E69F00")}
OTHER = ("no family in common", "#999999")
GAP = 0.17  # between the lines of the ranks of one encoder


def draw(rows: Sequence[Row], sample: Sample, path: Path) -> None:
    """Draw both panels, a line for each encoder."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 1.8 + 0.34 * len(rows)), layout="constrained", facecolor="white")
    left, right = figure.subplots(1, 2, sharey=True)
    for at, row in enumerate(rows):
        _draw_kept(left, at, row.measures, sample)
        _draw_quartiles(right, at, row.measures)
    left.set(
        yticks=range(len(rows)), yticklabels=[row.label for row in rows], xlim=(0, 102),
        xlabel=f"kept of {max(sample.neighbours)} neighbours by shared k-mers, %",
    )  # fmt: skip
    left.invert_yaxis()
    right.set(xlabel="pairs of genomes that are nearer, % (median, quartiles)", xlim=(0, 100))
    _legend(figure, right)
    for panel in (left, right):
        panel.spines[["top", "right"]].set_visible(False)
    with disk_errors(path):
        figure.savefig(path, dpi=150)


def _draw_kept(panel: Any, at: int, measures: Measures, sample: Sample) -> None:  # noqa: ANN401  # of matplotlib
    shares = measures.most_kept
    asked = shares[~np.isnan(shares)]
    if len(asked):
        panel.barh(at, 100 * asked.mean(), color="#0072B2", height=0.7)
        if ends := ends_of(shares, sample):
            panel.plot([100 * end for end in ends], [at, at], color="black", linewidth=1)


def _draw_quartiles(panel: Any, at: int, measures: Measures) -> None:  # noqa: ANN401  # of matplotlib
    for rank, (low, middle, high) in measures.quartiles.items():
        _, colour = COLOURS.get(int(rank), OTHER)
        y = at + GAP * (min(int(rank), len(COLOURS)) - 1.5)
        panel.plot([100 * low, 100 * high], [y, y], color=colour, linewidth=1.5)
        panel.plot([100 * middle], [y], "o", color=colour, markersize=3)


def _legend(figure: Any, panel: Any) -> None:  # noqa: ANN401  # of matplotlib
    for name, colour in (*COLOURS.values(), OTHER):
        panel.plot([], [], "o-", color=colour, markersize=3, linewidth=1.5, label=name)
    figure.legend(*panel.get_legend_handles_labels(), frameon=False, ncols=4, loc="outside upper right")
