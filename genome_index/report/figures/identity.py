"""Species borders as a figure: histograms of ANI within and between species, and the required ANI."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from genome_index.collection.species_borders import (
    BINS,
    EDGES,
    TICKS,
    Border,
    Floats,
    Identities,
    ani_at,
    binned,
    place,
)
from genome_index.records import counted
from genome_index.report.figures.inline import NARROW, PAGE, Layout, inline
from genome_index.report.figures.style import SMALL, TEXT, Theme, dress, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import BarContainer
    from matplotlib.figure import Figure, SubFigure

FILE = Layout(10)
WIDTH = float(EDGES[1] - EDGES[0])
BELOW = float(EDGES[0]) - 3 * WIDTH  # left edge of the bar for ANI below its range
NARROW_TICKS = (90, 95, 98, 99, 99.9, 99.99)  # percent; all of TICKS need more room than a small screen has
NO_SPECIES = "No genome has a species name, so there is no border to show."


def identity_picture(identities: Identities, theme: Theme) -> Figure:
    """The figure for a file."""
    return _draw(identities, theme, FILE)[0]


def identity_svg(identities: Identities) -> str:
    """The figure for a page: each bar tells its count and its range of ANI."""
    return inline("identity", lambda layout: _draw(identities, PAGE, layout))


def _draw(identities: Identities, theme: Theme, layout: Layout) -> tuple[Figure, Mapping[str, str]]:
    """The figure, two histograms for each kind of molecule, and the tooltips of its bars."""
    borders, title = identities.borders, "Species borders" if layout.captions else ""
    if not borders:
        figure = new_figure(theme, layout.width, 2 if layout.captions else 0.6, title)
        figure.text(0.02, 0.4, NO_SPECIES, color=theme.ink, fontsize=TEXT, wrap=True)
        return figure, {}
    height = 5.2 if layout.captions else 4.4
    figure = new_figure(theme, layout.width, (0.6 if layout.captions else 0) + height * len(borders), title)
    parts = figure.subfigures(len(borders), 1, squeeze=False, facecolor=theme.paper)[:, 0]
    tips: dict[str, str] = {}
    for part, border in zip(parts, borders, strict=True):
        tips |= _draw_border(part, border, theme, layout)
    return figure, tips


def _draw_border(part: SubFigure, border: Border, theme: Theme, layout: Layout) -> dict[str, str]:
    within, between = part.subplots(2, 1, sharex=True)
    tips = dict(_draw_bars(within, border, border.within, theme.accent, theme))
    tips |= dict(_draw_bars(between, border, border.between, theme.second, theme))
    _dress(within, between, border, theme, layout)
    part.legend(
        *within.get_legend_handles_labels(), loc="outside upper right", frameon=False, fontsize=SMALL,
        ncols=1 if layout is NARROW else 3, labelcolor=theme.ink,
    )  # fmt: skip
    if layout.captions:
        part.supxlabel("\n".join(border.sentences()), x=0.01, ha="left", color=theme.ink, fontsize=SMALL)
    return tips


def _draw_bars(
    axes: Axes, border: Border, ani: Floats, colour: str, theme: Theme
) -> Iterator[tuple[str, str]]:
    """A histogram, the bar of ANI below the range left of it, and the required ANI across it."""
    inside, below = binned(ani)
    low, median, high = place(border.band)
    axes.axvspan(
        low, high, color=theme.ink, alpha=0.15, linewidth=0, label="required: 5th to 95th percentile"
    )
    bars = axes.bar(
        EDGES[:-1], inside, WIDTH, align="edge", color=colour, edgecolor=theme.paper, linewidth=0.4
    )
    rest = axes.bar(BELOW, below, WIDTH, align="edge", color=colour, alpha=0.5)
    axes.axvline(median, color=theme.ink, linewidth=1.4, label="median")
    prior = float(place(border.prior))
    axes.axvline(prior, color=theme.ink, linewidth=1.2, linestyle=(0, (4, 3)), label="prior")
    kind = f"{border.molecule} {'within' if ani is border.within else 'between'}"
    yield from _tips(bars, kind, inside.tolist(), _spans())
    yield from _tips(rest, f"{kind} below", [below], ["below the range"])


def _spans() -> list[str]:
    """The range of ANI of each bin."""
    ends = ani_at(EDGES)
    return [f"from {low:.4g} to {high:.4g} %" for low, high in zip(ends[:-1], ends[1:], strict=True)]


def _tips(
    bars: BarContainer, kind: str, counts: list[int], spans: list[str]
) -> Iterator[tuple[str, str]]:  # fmt: skip
    """Mark each bar, and give the tooltip that goes with the mark."""
    for number, (bar, count, span) in enumerate(zip(bars, counts, spans, strict=True)):
        gid = f"tip {kind} {number}"
        bar.set_gid(gid)
        yield gid, f"{counted(count)} with an ANI {span}"


def _dress(within: Axes, between: Axes, border: Border, theme: Theme, layout: Layout) -> None:
    from matplotlib.ticker import MaxNLocator

    genomes = counted(len(border.within) + border.unnamed)
    dress(within, theme, f"{border.molecule}: {genomes}", ylabel="to the nearest\nof the same species")
    dress(between, theme, ylabel="to the nearest\nof another species",
          xlabel="ANI (%), on a scale that widens towards 100")  # fmt: skip
    between.invert_yaxis()
    shown = NARROW_TICKS if layout is NARROW else TICKS
    ticks = [BELOW + WIDTH / 2, *place(shown)]
    between.set_xticks(ticks, ["below\nthe range", *[f"{tick:g}" for tick in shown]])
    between.set_xlim(BELOW - WIDTH, float(EDGES[BINS]) + WIDTH)
    within.tick_params(axis="x", labelbottom=False, length=0)
    within.spines["bottom"].set_color(theme.ink)
    between.spines["bottom"].set_visible(False)
    for axes in (within, between):
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
