"""Heatmap of a similarity matrix: ANI above the diagonal, similarity below it, a tree beside the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from genome_index.collection.similarity_matrix import Matrix
from genome_index.records import counted
from genome_index.report.figures.inline import NARROW, PAGE, Layout, inline
from genome_index.report.figures.style import SMALL, Theme, dress, new_figure
from genome_index.report.figures.text import ink_on, shortened, verbatim

Values = npt.NDArray[np.floating]

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

NUMBERED = 16  # genomes whose numbers are written in their cells
NAMED = 60  # rows that each have their label; of more, every so many
LONGEST_LABEL, LONGEST_NARROW = 48, 18  # characters
SIMILARITY = ("cividis", 0.0, 1.0)  # colour map and its ends; a cosine below 0 is shown as 0
ANI = ("viridis", 80.0, 100.0)  # percent
NO_ANI = {"below its range": "#80808033", "not measured": "#80808080"}  # greys for any background
FILE = Layout(11)
CELLS = "cells"  # gid of the outline of all cells, where a page looks for the pointer


def heatmap_picture(matrix: Matrix, theme: Theme, title: str = "") -> Figure:
    """The figure for a file; without a title it says how many genomes there are."""
    return _draw(matrix, theme, FILE, verbatim(title or title_of(matrix)))


def heatmap_svg(matrix: Matrix) -> str:
    """The figure for a page, whose script shows the numbers of `cells_of` at the pointer."""
    return inline("heatmap", lambda layout: (_draw(matrix, PAGE, layout, ""), {CELLS: CELLS}))


def cells_of(matrix: Matrix) -> dict[str, Any]:
    """The numbers of each cell for the script: both tables row by row, each row up to the diagonal.

    `ani` has null for ANI below its range and -1 where nothing was measured.
    """
    similarity, ani = matrix.ordered(matrix.similarity), matrix.ordered(matrix.ani)
    ani = np.where(np.isnan(ani) & ~matrix.ordered(matrix.compared), -1, ani)
    rows = range(len(matrix.ids))
    return {
        "labels": labels_of(matrix),
        "similarity": [[round(value, 3) for value in similarity[row, : row + 1].tolist()] for row in rows],
        "ani": [
            [None if np.isnan(value) else round(value, 2) for value in ani[row, : row + 1].tolist()]
            for row in rows
        ],
    }


def _draw(matrix: Matrix, theme: Theme, layout: Layout, title: str) -> Figure:
    figure = new_figure(theme, layout.width, _height(len(matrix.ids), layout), title, line=90)
    tree_share = 3 if layout.width > NARROW.width else 2
    grid = figure.add_gridspec(2, 3, width_ratios=(tree_share, 4, 4), height_ratios=(40, 1))
    tree = figure.add_subplot(grid[0, 0])
    cells = figure.add_subplot(grid[0, 1:], sharey=tree)
    _draw_tree(tree, matrix, theme)
    above, below = _draw_cells(cells, matrix, theme, layout)
    labels = ("similarity\nbelow the diagonal", "ANI (%)\nabove the diagonal")
    if layout is not NARROW:
        labels = ("similarity (cosine), below the diagonal", "ANI (%), above the diagonal")
    _bar(figure, figure.add_subplot(grid[1, 1]), below, theme, labels[0])
    _bar(figure, figure.add_subplot(grid[1, 2]), above, theme, labels[1])
    _legend(figure, figure.add_subplot(grid[1, 0]), matrix, theme, layout)
    return figure


def title_of(matrix: Matrix) -> str:
    """How many genomes the matrix shows, of how many in the index."""
    shown = len(matrix.ids)
    return counted(matrix.total) if shown == matrix.total else f"{shown:,} of {counted(matrix.total)}"


def labels_of(matrix: Matrix, longest: int = LONGEST_LABEL) -> list[str]:
    """Species and id of the rows, in the order of the tree; a long name is cut, the id is not."""
    labels = []
    for at in matrix.order.tolist():
        name = shortened(matrix.names[at], max(longest // 4, longest - len(matrix.ids[at])))
        labels.append(shortened(" · ".join(filter(None, (name, matrix.ids[at]))), longest + 3))
    return labels


def _height(count: int, layout: Layout) -> float:
    """Inches: a row with a label needs a seventh of one."""
    return (3.2 if layout.captions else 2.4) + max(2.0, min(count, NAMED) / 7)


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


def _draw_cells(axes: Axes, matrix: Matrix, theme: Theme, layout: Layout) -> tuple[AxesImage, AxesImage]:
    """Draw the cells; returns the images above and below the diagonal."""
    similarity, ani = matrix.ordered(matrix.similarity), matrix.ordered(matrix.ani)
    compared, upper = matrix.ordered(matrix.compared), np.triu(np.ones(ani.shape, bool), 1)
    _image(axes, np.where(upper, np.where(compared, 0.0, 1.0), np.nan), (_greys(), 0.0, 1.0))
    ani, similarity = np.where(upper, ani, np.nan), np.where(upper, np.nan, similarity)
    above, below = _image(axes, ani, ANI), _image(axes, similarity, SIMILARITY)
    _outline(axes, len(matrix.ids))
    if len(matrix.ids) <= NUMBERED and layout is not NARROW:
        _write_numbers(axes, above, ani, "{:.1f}")
        _write_numbers(axes, below, similarity, "{:.3f}")
    dress(axes, theme, _note(len(matrix.ids)))
    axes.grid(visible=False)
    axes.yaxis.tick_right()
    every = -(-len(matrix.ids) // NAMED)
    labels = labels_of(matrix, LONGEST_NARROW if layout is NARROW else LONGEST_LABEL)
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


def _outline(axes: Axes, count: int) -> None:
    """An invisible rectangle around all cells."""
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((-0.5, -0.5), count, count, fill=False, linewidth=0, gid=CELLS, zorder=9))


def _greys() -> Any:  # noqa: ANN401
    from matplotlib.colors import ListedColormap

    return ListedColormap(list(NO_ANI.values()))


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


def _legend(figure: Figure, axes: Axes, matrix: Matrix, theme: Theme, layout: Layout) -> None:
    """What cells without an ANI are, in the corner below the tree, or above it where that is too narrow."""
    from matplotlib.patches import Patch

    axes.axis("off")
    missing = np.isnan(matrix.ani)
    some = (missing & matrix.compared).any(), (missing & ~matrix.compared).any()
    entries = [
        Patch(color=tone, label=f"no ANI: {why}")
        for (why, tone), exists in zip(NO_ANI.items(), some, strict=True)
        if exists
    ]
    if not entries:
        return
    look: dict[str, Any] = {"frameon": False, "fontsize": SMALL, "labelcolor": theme.ink}
    if layout is NARROW:
        figure.legend(handles=entries, loc="outside upper right", **look)
    else:
        axes.legend(handles=entries, loc="center left", **look)
