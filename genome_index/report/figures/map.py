"""The map of a collection as a picture: genomes in the colours of their names, and where queries lie."""

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

ENOUGH_NAMES = 5  # for colours to tell something
MARKERS = ("o", "s", "^", "D")  # by turns, for those who see no colours
LONGEST = 34  # letters of a name in the legend
IDS_UP_TO = 40  # genomes whose ids are written beside them
TOGETHER = 0.2  # of the map's width: half of a name's genomes lie so near to where it is written


@dataclass(frozen=True)
class MapView:
    """What a picture shows of a map."""

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
    """Genomes that share a colour."""

    name: str  # "" for those that share no name
    said: str  # in the legend
    members: Rows  # positions
    colour: str
    marker: str


def telling_rank(index: Index) -> str:
    """The broadest rank with ENOUGH_NAMES, or a label if no rank has them; else what has most names."""
    levels = list(index.model.levels.values())
    enough = [level.name for level in levels if len(level.names) >= ENOUGH_NAMES]
    most = [level.name for level in sorted(levels, key=lambda level: -len(level.names))]
    return (enough or most or ["species"])[0]


def level_of(index: Index, rank: str | None) -> Level:
    """The rank or label that gives the colours; if none is given, `telling_rank` chooses.

    Raises
    ------
    UsageError
        No genome has a name there.
    """
    level = level_named(rank or telling_rank(index), [entry.taxon for entry in index.catalog.entries()])
    if rank and not level.names:
        raise UsageError(
            f"{index.path}: no genome has a name at rank or label {rank!r}; "
            f"there are: {', '.join(index.model.levels) or 'none'}"
        )
    return level


def view_of(index: Index, found: Map, rank: str | None = None, marked: tuple[Mark, ...] = ()) -> MapView:
    """A map with the names of its genomes as `level_of` chooses them, and where queries lie."""
    level, entries = level_of(index, rank), index.catalog.entries()
    names = tuple(level.names[code] if code != UNKNOWN else None for code in level.codes)
    coloured = f" by {level.name}" if level.names else ""
    title = f"{index.path.resolve().name}  ·  {counted(len(entries))}{coloured}"
    ids = tuple(entry.id for entry in entries)
    return MapView(title, level.name, found.by, ids, names, found.xy, found.explained, marked)


def map_picture(view: MapView, theme: Theme) -> Figure:
    """The figure of a map: the commonest names in colour, the others faint, the unnamed fainter."""
    figure = new_figure(theme, 10, 8, verbatim(view.title))
    axes = figure.subplots()
    swatches = swatches_of(view.names, theme)
    radius = float(np.clip(12 / len(view.names) ** 0.25, 0.7, 3.5))  # of a genome, in points
    for one in swatches:
        # As pixels within the SVG, which would hold 20 MB of paths for 100,000 genomes.
        x, y = view.xy[one.members].T
        axes.scatter(x, y, 4 * radius**2, one.colour, marker=one.marker, linewidths=0, rasterized=True)
    for _, at_x, at_y in view.marked:
        for colour, width in ((theme.paper, 4.5), (theme.ink, 2)):
            axes.plot(
                at_x, at_y, "o", color="none", markersize=13, markeredgecolor=colour, markeredgewidth=width
            )
    _dress(axes, view, theme)
    _draw_legend(figure, view.rank, swatches, theme)
    figure.draw_without_rendering()  # labels find their room in axes that have theirs
    write_labels(axes, _labels(view, swatches, radius), view.xy, radius, theme)
    return figure


def swatches_of(names: Sequence[str | None], theme: Theme) -> list[Swatch]:
    """Every genome in a swatch, as they are drawn: unnamed, others, then the named from the commonest on."""
    known = np.array([name or "" for name in names])
    counts = sorted(Counter(name for name in names if name).items(), key=lambda item: (-item[1], item[0]))
    shown, others = counts[: len(PALETTE)], counts[len(PALETTE) :]
    found = [
        Swatch("", "unnamed", np.flatnonzero(known == ""), blended(theme.faint, theme.paper, 0.5), "o"),
        Swatch(
            "", counted(len(others), "other"), np.flatnonzero(np.isin(known, [name for name, _ in others])),
            theme.faint, "o",
        ),
    ]  # fmt: skip
    for number, (name, _) in enumerate(shown):
        said = verbatim(shortened(name, LONGEST))
        marker = MARKERS[number % len(MARKERS)]
        found.append(Swatch(name, said, np.flatnonzero(known == name), PALETTE[number], marker))
    return [one for one in found if len(one.members)]


def _draw_legend(figure: Figure, rank: str, swatches: Sequence[Swatch], theme: Theme) -> None:
    """The names in colour, then the others, then the unnamed, each with how many genomes."""
    from matplotlib.lines import Line2D

    ordered = [
        *(one for one in swatches if one.name),
        *(one for one in swatches[::-1] if not one.name),
    ]
    handles = [
        Line2D(
            [], [], color=one.colour, marker=one.marker, linestyle="none", markersize=6,
            label=f"{one.said}, {len(one.members):,}",
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
        dress(axes, theme, "UMAP: who is near is alike; distances between islands mean little")
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
    """Queries, then the commonest names where they lie together, then ids, where there are few."""
    labels = [Label(verbatim(shortened(label)), x, y, 9, ringed=True) for label, x, y in view.marked]
    together = TOGETHER * float(np.ptp(view.xy, axis=0).max())
    for one in swatches:
        (x, y), spread = _middle(view.xy[one.members])
        if one.name and spread <= together:
            labels.append(Label(one.said, x, y, radius + 1))
    if len(view.ids) <= IDS_UP_TO:
        places = zip(view.ids, view.xy.tolist(), strict=True)
        labels += [Label(verbatim(shortened(one, LONGEST)), x, y, radius + 1) for one, (x, y) in places]
    return labels


def _middle(places: Floats) -> tuple[Place, float]:
    """The place nearest to the median, and how near half of them are to it.

    The median itself may lie between two islands.
    """
    x, y = places[_far(places, np.median(places, axis=0)).argmin()].tolist()
    return (x, y), float(np.median(_far(places, np.array([x, y]))))


def _far(places: Floats, point: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    return np.asarray(np.linalg.norm(places - point, axis=1))
