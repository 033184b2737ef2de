"""A painting as a picture: the windows in the colours of their species, and how near each is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from genome_index.features import WORD_FLOOR
from genome_index.pictures.painting import NOTHING, Painting
from genome_index.pictures.style import PALETTE, SMALL, Theme, bases, colours_of, dress, new_figure
from genome_index.records import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch


def stripes_picture(painted: Painting, theme: Theme) -> Figure:
    """The figure of a painting: a band of colours, identity below it, the names with their shares beside."""
    shares = painted.shares()
    colours = colours_of((name for name in shares if name != NOTHING), theme) | {NOTHING: theme.faint}
    windows = counted(len(painted.stripes), "window")
    title = f"{painted.genome}  ·  {painted.length_bp:,} bp in {windows}"
    figure = new_figure(theme, 10, 4, title, line=55)
    band, identity = figure.subplots(2, 1, sharex=True, height_ratios=(1, 2))
    _draw_band(band, painted, colours, theme)
    _draw_identity(identity, painted, colours, theme)
    figure.legend(
        handles=_named(shares, colours, theme), loc="outside right upper", frameon=False,
        fontsize=SMALL, labelcolor=theme.ink, alignment="left",
    )  # fmt: skip
    return figure


def _draw_band(axes: Axes, painted: Painting, colours: Mapping[str, str], theme: Theme) -> None:
    scale, _ = bases(painted.length_bp)
    for stripe in painted.stripes:
        axes.axvspan(stripe.start / scale, stripe.end / scale, color=colours[stripe.name], linewidth=0)
    for end in painted.contig_ends[:-1]:
        axes.axvline(end / scale, color=theme.paper, linewidth=2.4)
        axes.axvline(end / scale, color=theme.ink, linewidth=1, linestyle=(0, (2, 2)))
    several = len(painted.contig_ends) > 1
    dress(
        axes,
        theme,
        "Nearest other reference by shared words" + ("; dashed: ends of contigs" if several else ""),
    )
    axes.set(yticks=(), ylim=(0, 1))
    axes.spines["left"].set_visible(False)


def _draw_identity(axes: Axes, painted: Painting, colours: Mapping[str, str], theme: Theme) -> None:
    """A bar a window, from the identity that stands for no shared word up; none where nothing is shared."""
    scale, unit = bases(painted.length_bp)
    floor = 100 * WORD_FLOOR
    for stripe in painted.stripes:
        if stripe.identity is not None:
            axes.bar(
                stripe.start / scale, 100 * stripe.identity - floor, (stripe.end - stripe.start) / scale,
                bottom=floor, align="edge", color=colours[stripe.name], linewidth=0,
            )  # fmt: skip
    dress(axes, theme, "Its identity", xlabel=f"position ({unit})", ylabel="%")
    axes.set(ylim=(floor, 101), xlim=(0, painted.length_bp / scale))


def _named(shares: Mapping[str, float], colours: Mapping[str, str], theme: Theme) -> list[Patch]:
    """The entries of the legend: name and share of the genome; those beyond the palette are one entry."""
    from matplotlib.patches import Patch

    names = [name for name in shares if name != NOTHING]
    shown = [*names[: len(PALETTE)], *([NOTHING] if NOTHING in shares else [])]
    entries = [Patch(color=colours[name], label=f"{name}, {shares[name]:.0%}") for name in shown]
    if rest := names[len(PALETTE) :]:
        label = f"{len(rest):,} more, {sum(shares[name] for name in rest):.0%}"
        entries.insert(len(PALETTE), Patch(color=theme.others, label=label))
    return entries
