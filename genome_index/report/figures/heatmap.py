"""A matrix as a picture: ANI above the diagonal, similarity below it, and the tree beside its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from genome_index.collection.similarity_matrix import Matrix
from genome_index.records import counted
from genome_index.report.figures.style import SMALL, Theme, dress, new_figure
from genome_index.report.figures.text import ink_on, shortened, verbatim

Values = npt.NDArray[np.floating]

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

NUMBERED = 16  # genomes whose numbers are written in their cells
NAMED = 60  # rows that each have their label; of more, every so many
LONGEST_LABEL = 48  # letters
SIMILARITY = ("cividis", 0.0, 1.0)  # colour map and its ends; a cosine below 0 says no more than 0
ANI = ("viridis", 80.0, 100.0)  # percent


def heatmap_picture(matrix: Matrix, theme: Theme, title: str = "") -> Figure:
    """The figure of a matrix; what it is of is said by `title`, else by how many genomes there are."""
    count = len(matrix.ids)
    figure = new_figure(theme, 11, _height(count), verbatim(title or title_of(matrix)), line=90)
    grid = figure.add_gridspec(2, 3, width_ratios=(3, 4, 4), height_ratios=(40, 1))
    tree = figure.add_subplot(grid[0, 0])
    cells = figure.add_subplot(grid[0, 1:], sharey=tree)
    _draw_tree(tree, matrix, theme)
    above, below = _draw_cells(cells, matrix, theme)
    _bar(figure, figure.add_subplot(grid[1, 1]), below, theme, "similarity (cosine), below the diagonal")
    _bar(figure, figure.add_subplot(grid[1, 2]), above, theme, "ANI (%), above the diagonal")
    _legend(figure.add_subplot(grid[1, 0]), matrix, theme)
    return figure


def title_of(matrix: Matrix) -> str:
    """How many genomes it shows, of how many.

    What is left out is said as far as a matrix knows it.
    """
    shown = len(matrix.ids)
    return counted(matrix.total) if shown == matrix.total else f"{shown:,} of {counted(matrix.total)}"


def labels_of(matrix: Matrix) -> list[str]:
    """Species and id of the rows, in the tree's order; of a long name the end is left out, not the id."""
    found = []
    for at in matrix.order.tolist():
        name = shortened(matrix.names[at], max(12, LONGEST_LABEL - len(matrix.ids[at])))
        found.append(shortened(" · ".join(filter(None, (name, matrix.ids[at]))), LONGEST_LABEL + 3))
    return found


def _height(count: int) -> float:
    """Inches: a row with a label needs a seventh of one."""
    return 3.2 + max(2.0, min(count, NAMED) / 7)


def _draw_tree(axes: Axes, matrix: Matrix, theme: Theme) -> None:
    from matplotlib.collections import LineCollection

    lines = matrix.branches()
    axes.add_collection(LineCollection(list(lines), colors=theme.ink, linewidths=0.8), autolim=False)
    dress(axes, theme, "Average linkage", xlabel="1 - similarity")
    axes.locator_params(axis="x", nbins=4)
    widest = max(float(lines[:, :, 0].max(initial=0)), 1e-3)
    axes.set(xlim=(widest * 1.03, 0), ylim=(len(matrix.ids) - 0.5, -0.5))
    axes.tick_params(axis="y", left=False, labelleft=False)  # the labels are those of the cells
    axes.grid(visible=False)
    axes.spines["left"].set_visible(False)


def _draw_cells(axes: Axes, matrix: Matrix, theme: Theme) -> tuple[AxesImage, AxesImage]:
    """The cells; returns what is drawn above and below the diagonal."""
    similarity, ani = matrix.ordered(matrix.similarity), matrix.ordered(matrix.ani)
    compared, upper = matrix.ordered(matrix.compared), np.triu(np.ones(ani.shape, bool), 1)
    unknown = np.where(upper, np.where(compared, 1.0, 0.0), np.nan)
    _image(axes, unknown, (_tones(theme), 0.0, 1.0))
    ani, similarity = np.where(upper, ani, np.nan), np.where(upper, np.nan, similarity)
    above, below = _image(axes, ani, ANI), _image(axes, similarity, SIMILARITY)
    if len(matrix.ids) <= NUMBERED:
        _write_numbers(axes, above, ani, "{:.1f}")
        _write_numbers(axes, below, similarity, "{:.3f}")
    dress(axes, theme, _note(len(matrix.ids)))
    axes.grid(visible=False)
    axes.yaxis.tick_right()
    every = -(-len(matrix.ids) // NAMED)
    labels = labels_of(matrix)
    axes.set_yticks(range(0, len(labels), every), labels[::every], parse_math=False)
    axes.set(xticks=())
    axes.tick_params(axis="y", length=2, labelsize=SMALL - 1)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return above, below


def _image(axes: Axes, values: Values, colours: tuple[Any, float, float]) -> AxesImage:
    name, least, most = colours
    return axes.imshow(values, cmap=name, vmin=least, vmax=most, aspect="auto", interpolation="nearest")


def _write_numbers(axes: Axes, image: AxesImage, values: Values, form: str) -> None:
    """The numbers of an image (M, M) in its cells."""
    from matplotlib.colors import to_hex

    colours = image.to_rgba(values)
    for (row, column), value in np.ndenumerate(values):
        if not np.isnan(value):
            ink = ink_on(to_hex(tuple(colours[row, column].tolist())))
            axes.text(
                column, row, form.format(value), color=ink, fontsize=SMALL - 1, ha="center", va="center"
            )


def _tones(theme: Theme) -> Any:  # noqa: ANN401
    from matplotlib.colors import ListedColormap

    return ListedColormap([theme.faint, theme.grid])


def _note(count: int) -> str:
    every = -(-count // NAMED)
    return "" if every == 1 else f"One label for {every} rows"


def _bar(figure: Figure, axes: Axes, image: AxesImage, theme: Theme, label: str) -> None:
    bar = figure.colorbar(image, cax=axes, orientation="horizontal", extend="min")
    ticks = np.linspace(*image.get_clim(), 5).tolist()
    bar.set_ticks(ticks, labels=[f"{at:g}" for at in ticks])
    bar.set_label(label, color=theme.ink, fontsize=SMALL)
    bar.outline.set_visible(False)
    axes.tick_params(colors=theme.ink, labelsize=SMALL, length=3)


def _legend(axes: Axes, matrix: Matrix, theme: Theme) -> None:
    """What cells without an ANI are, in the corner below the tree."""
    from matplotlib.patches import Patch

    axes.axis("off")
    missing = np.isnan(matrix.ani)
    entries = [
        Patch(color=tone, label=label)
        for tone, label, some in (
            (theme.grid, "no ANI: below its range", missing & matrix.compared),
            (theme.faint, "no ANI: not measured", missing & ~matrix.compared),
        )
        if some.any()
    ]
    if entries:
        axes.legend(handles=entries, loc="center left", frameon=False, fontsize=SMALL, labelcolor=theme.ink)
