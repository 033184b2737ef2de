"""Borders of species as a picture: identity within them above, between them below, and what they ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genome_index.collection.species_borders import (
    BINS,
    EDGES,
    TICKS,
    Border,
    Floats,
    Identities,
    binned,
    place,
)
from genome_index.records import counted
from genome_index.report.figures.style import SMALL, TEXT, Theme, dress, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = float(EDGES[1] - EDGES[0])
BELOW = float(EDGES[0]) - 3 * WIDTH  # left edge of the bar for those below the range of ANI
NOTHING = "No genome has a species name, so there is no border to show."


def identity_picture(identities: Identities, theme: Theme) -> Figure:
    """The figure of the borders: two histograms for each kind of molecule."""
    borders = identities.borders
    if not borders:
        figure = new_figure(theme, 10, 2, "Borders of species")
        figure.text(0.02, 0.4, NOTHING, color=theme.ink, fontsize=TEXT)
        return figure
    figure = new_figure(theme, 10, 0.6 + 5.2 * len(borders), "Borders of species")
    parts = figure.subfigures(len(borders), 1, squeeze=False, facecolor=theme.paper)[:, 0]
    for part, border in zip(parts, borders, strict=True):
        within, between = part.subplots(2, 1, sharex=True)
        _draw(within, border, border.within, theme.accent, theme)
        _draw(between, border, border.between, theme.second, theme)
        _dress(within, between, border, theme)
        part.legend(
            *within.get_legend_handles_labels(), loc="outside upper right", ncols=3, frameon=False,
            fontsize=SMALL, labelcolor=theme.ink,
        )  # fmt: skip
        part.supxlabel("\n".join(border.sentences()), x=0.01, ha="left", color=theme.ink, fontsize=SMALL)
    return figure


def _draw(axes: Axes, border: Border, ani: Floats, colour: str, theme: Theme) -> None:
    """A histogram, the bar of those below the range left of it, and what the species ask for across."""
    inside, below = binned(ani)
    low, median, high = place(border.band)
    axes.axvspan(
        low, high, color=theme.ink, alpha=0.15, linewidth=0, label="species ask for: 5th to 95th percentile"
    )
    axes.bar(EDGES[:-1], inside, WIDTH, align="edge", color=colour, edgecolor=theme.paper, linewidth=0.4)
    axes.bar(BELOW, below, WIDTH, align="edge", color=colour, alpha=0.5)
    axes.axvline(median, color=theme.ink, linewidth=1.4, label="median")
    prior = float(place(border.prior))
    axes.axvline(prior, color=theme.ink, linewidth=1.2, linestyle=(0, (4, 3)), label="prior")


def _dress(within: Axes, between: Axes, border: Border, theme: Theme) -> None:
    from matplotlib.ticker import MaxNLocator

    genomes = counted(len(border.within) + border.unnamed)
    dress(within, theme, f"{border.molecule}: {genomes}", ylabel="to the nearest\nof its species")
    dress(between, theme, ylabel="to the nearest\nof another species",
          xlabel="ANI (%); bins get narrower towards 100, in proportion to what lacks")  # fmt: skip
    between.invert_yaxis()
    ticks = [BELOW + WIDTH / 2, *place(TICKS)]
    between.set_xticks(ticks, ["below\nthe range", *[f"{tick:g}" for tick in TICKS]])
    between.set_xlim(BELOW - WIDTH, float(EDGES[BINS]) + WIDTH)
    within.tick_params(axis="x", labelbottom=False, length=0)
    within.spines["bottom"].set_color(theme.ink)
    between.spines["bottom"].set_visible(False)
    for axes in (within, between):
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
