"""A painting as a picture: the windows in the colours of their species, and how near each is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from genome_index.index.calibration.hits import KMER_FLOOR
from genome_index.records import counted
from genome_index.report.figures.genome.windows import NOTHING, Painting
from genome_index.report.figures.style import PALETTE, SMALL, Theme, bases, colours_of, dress, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch


@dataclass(frozen=True)
class Key:
    """What a colour of a painting stands for."""

    label: str  # with its share of the genome
    colour: str
    names: frozenset[str]


def keys_of(painted: Painting, theme: Theme) -> list[Key]:
    """The colours of a painting: largest share first, then names beyond the palette in one, then nothing."""
    shares = painted.shares()
    names = [name for name in shares if name != NOTHING]
    colours = colours_of(names, theme)
    keys = [
        Key(f"{name}, {shares[name]:.0%}", colours[name], frozenset({name})) for name in names[: len(PALETTE)]
    ]
    if rest := names[len(PALETTE) :]:
        label = f"{len(rest):,} more, {sum(shares[name] for name in rest):.0%}"
        keys.append(Key(label, theme.others, frozenset(rest)))
    if NOTHING in shares:
        keys.append(Key(f"{NOTHING}, {shares[NOTHING]:.0%}", theme.faint, frozenset({NOTHING})))
    return keys


def stripes_picture(painted: Painting, theme: Theme) -> Figure:
    """The figure of a painting: a band of colours, identity below it, the names with their shares beside."""
    keys = keys_of(painted, theme)
    colours = {name: key.colour for key in keys for name in key.names}
    windows = counted(len(painted.stripes), "window")
    title = f"{painted.genome}  ·  {painted.length_bp:,} bp in {windows}"
    figure = new_figure(theme, 10, 4, title, line=55)
    band, identity = figure.subplots(2, 1, sharex=True, height_ratios=(1, 2))
    _draw_band(band, painted, colours, theme)
    _draw_identity(identity, painted, colours, theme)
    figure.legend(
        handles=_named(keys), loc="outside right upper", frameon=False,
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
    floor = 100 * KMER_FLOOR
    for stripe in painted.stripes:
        if stripe.identity is not None:
            axes.bar(
                stripe.start / scale, 100 * stripe.identity - floor, (stripe.end - stripe.start) / scale,
                bottom=floor, align="edge", color=colours[stripe.name], linewidth=0,
            )  # fmt: skip
    dress(axes, theme, "Its identity", xlabel=f"position ({unit})", ylabel="%")
    axes.set(ylim=(floor, 101), xlim=(0, painted.length_bp / scale))


def _named(keys: Sequence[Key]) -> list[Patch]:
    """The entries of the legend."""
    from matplotlib.patches import Patch

    return [Patch(color=key.colour, label=key.label) for key in keys]
