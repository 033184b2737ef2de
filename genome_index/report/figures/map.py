"""Map of a collection as a figure: genomes in the colours of their names, and queries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from genome_index.collection.map import Map
from genome_index.errors import UsageError
from genome_index.index.index import Index
from genome_index.records import counted
from genome_index.report.figures.labels import Label, write_labels
from genome_index.report.figures.style import PALETTE, SMALL, Theme, dress, new_figure
from genome_index.report.figures.text import blended, shortened, verbatim
from genome_index.taxonomy.levels import UNKNOWN, Level, level_named

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
Place = tuple[float, float]
Mark = tuple[str, float, float]  # label, x, y

ENOUGH_NAMES = 5  # least number of names for a rank to be coloured by default
MARKERS = ("o", "s", "^", "D")  # in turn, for readers who cannot tell all colours
LONGEST = 34  # characters of a name in the legend
IDS_UP_TO = 40  # genomes; of more the ids are not written
TOGETHER = 0.2  # of the map's width: a name is written if half of its genomes are so near


@dataclass(frozen=True)
class MapView:
    """A map with the names and marks to draw."""

    title: str
    rank: str  # or label, that gives the colours
    by: str  # "umap" or "pca"
    ids: tuple[str, ...]  # (L,)
    names: tuple[str | None, ...]  # (L,) at the rank
    xy: Floats  # (L, 2)
    explained: tuple[float, float] | None  # PCA: the axes' shares of the variance, 0 to 1
    marked: tuple[Mark, ...] = ()  # queries


@dataclass(frozen=True)
class Swatch:
    """Genomes of one colour."""

    name: str  # "" for genomes without a name of their own in the legend
    label: str  # in the legend
    members: Rows  # positions
    colour: str
    marker: str


def default_rank(index: Index) -> str:
    """The broadest rank with ENOUGH_NAMES, else a label with as many, else the level with most names."""
    levels = list(index.model.levels.values())
    enough = [level.name for level in levels if len(level.names) >= ENOUGH_NAMES]
    most = [level.name for level in sorted(levels, key=lambda level: -len(level.names))]
    return (enough or most or ["species"])[0]


def level_of(index: Index, rank: str | None) -> Level:
    """The rank or label of the colours; `default_rank` if none is given.

    Raises
    ------
    UsageError
        No genome has a name there.
    """
    level = level_named(rank or default_rank(index), [entry.taxon for entry in index.catalog.entries()])
    if rank and not level.names:
        raise UsageError(
            f"{index.path}: no genome has a name at rank or label {rank!r}; "
            f"there are: {', '.join(index.model.levels) or 'none'}"
        )
    return level


def view_of(index: Index, mapped: Map, rank: str | None = None, marked: tuple[Mark, ...] = ()) -> MapView:
    """A map with the names of its genomes at the level of `level_of`, and marks of queries."""
    level, entries = level_of(index, rank), index.catalog.entries()
    names = tuple(level.names[code] if code != UNKNOWN else None for code in level.codes)
    coloured = f" by {level.name}" if level.names else ""
    title = f"{index.path.resolve().name}  ·  {counted(len(entries))}{coloured}"
    ids = tuple(entry.id for entry in entries)
    return MapView(title, level.name, mapped.by, ids, names, mapped.xy, mapped.explained, marked)


def map_picture(view: MapView, theme: Theme) -> Figure:
    """The figure: the commonest names in colour, others faint, genomes without a name fainter."""
    figure = new_figure(theme, 10, 8, verbatim(view.title))
    axes = figure.subplots()
    swatches = swatches_of(view.names, theme)
    radius = float(np.clip(12 / len(view.names) ** 0.25, 0.7, 3.5))  # of a genome, in points
    for one in swatches:
        # Pixels within the SVG: paths of 100,000 genomes have 20 MB.
        x, y = view.xy[one.members].T
        axes.scatter(x, y, 4 * radius**2, one.colour, marker=one.marker, linewidths=0, rasterized=True)
    for _, at_x, at_y in view.marked:
        for colour, width in ((theme.paper, 4.5), (theme.ink, 2)):
            axes.plot(
                at_x, at_y, "o", color="none", markersize=13, markeredgecolor=colour, markeredgewidth=width
            )
    _dress(axes, view, theme)
    _draw_legend(figure, view.rank, swatches, theme)
    figure.draw_without_rendering()  # labels are placed in the final axes
    write_labels(axes, _labels(view, swatches, radius), view.xy, radius, theme)
    return figure


def swatches_of(names: Sequence[str | None], theme: Theme) -> list[Swatch]:
    """All genomes in drawing order: without a name, other names, then named ones, commonest first."""
    known = np.array([name or "" for name in names])
    counts = sorted(Counter(name for name in names if name).items(), key=lambda item: (-item[1], item[0]))
    shown, others = counts[: len(PALETTE)], counts[len(PALETTE) :]
    swatches = [
        Swatch("", "unnamed", np.flatnonzero(known == ""), blended(theme.faint, theme.paper, 0.5), "o"),
        Swatch(
            "", counted(len(others), "other"), np.flatnonzero(np.isin(known, [name for name, _ in others])),
            theme.faint, "o",
        ),
    ]  # fmt: skip
    for number, (name, _) in enumerate(shown):
        label = verbatim(shortened(name, LONGEST))
        marker = MARKERS[number % len(MARKERS)]
        swatches.append(Swatch(name, label, np.flatnonzero(known == name), PALETTE[number], marker))
    return [one for one in swatches if len(one.members)]


def _draw_legend(figure: Figure, rank: str, swatches: Sequence[Swatch], theme: Theme) -> None:
    """The named, then others, then genomes without a name, each with its count."""
    from matplotlib.lines import Line2D

    ordered = [
        *(one for one in swatches if one.name),
        *(one for one in swatches[::-1] if not one.name),
    ]
    handles = [
        Line2D(
            [], [], color=one.colour, marker=one.marker, linestyle="none", markersize=6,
            label=f"{one.label}, {len(one.members):,}",
        )
        for one in ordered
    ]  # fmt: skip
    legend = figure.legend(
        handles=handles, title=verbatim(rank), loc="outside right upper", frameon=False, fontsize=SMALL,
        labelcolor=theme.ink, alignment="left",
    )  # fmt: skip
    legend.get_title().set(color=theme.ink, fontsize=SMALL, fontweight="bold")


def _dress(axes: Axes, view: MapView, theme: Theme) -> None:
    if view.explained is None:
        dress(axes, theme, "UMAP: near genomes are similar; distances between islands mean little")
        axes.set(xticks=(), yticks=())
        axes.spines[:].set_visible(False)
    else:
        first, second = (f"{share:.0%}".replace("%", " %") for share in view.explained)
        dress(
            axes, theme, "Principal components of the vectors", xlabel=f"PC 1 ({first})",
            ylabel=f"PC 2 ({second})",
        )  # fmt: skip
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.06)


def _labels(view: MapView, swatches: Sequence[Swatch], radius: float) -> list[Label]:
    """Queries, then the commonest names whose genomes are together, then ids if there are few."""
    labels = [Label(verbatim(shortened(label)), x, y, 9, ringed=True) for label, x, y in view.marked]
    together = TOGETHER * float(np.ptp(view.xy, axis=0).max())
    for one in swatches:
        (x, y), spread = _middle(view.xy[one.members])
        if one.name and spread <= together:
            labels.append(Label(one.label, x, y, radius + 1))
    if len(view.ids) <= IDS_UP_TO:
        places = zip(view.ids, view.xy.tolist(), strict=True)
        labels += [Label(verbatim(shortened(one, LONGEST)), x, y, radius + 1) for one, (x, y) in places]
    return labels


def _middle(places: Floats) -> tuple[Place, float]:
    """The place nearest to the median, and the median distance to it.

    The median itself may be between two islands.
    """
    x, y = places[_far(places, np.median(places, axis=0)).argmin()].tolist()
    return (x, y), float(np.median(_far(places, np.array([x, y]))))


def _far(places: Floats, point: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    return np.asarray(np.linalg.norm(places - point, axis=1))
