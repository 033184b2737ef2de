"""Taxonomy as a figure: an icicle plot, one column for each rank and one box for each name."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from math import inf
from typing import TYPE_CHECKING

from genome_index.records import RANKS, counted
from genome_index.report.figures.style import PALETTE, SMALL, Theme, new_figure
from genome_index.report.figures.text import LONGEST, blended, ink_on, shortened, verbatim
from genome_index.taxonomy.name_tree import JOINED, UNNAMED, VERDICT, Counts, joined, thinned

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 400  # boxes; fewer if they would be too low for their labels
SQUEEZED = 0.1  # largest share of the height for the joined names of the broadest rank
WIDTH, HEIGHT = 11.0, 10.5  # inches
ROOM = 0.9  # share of the height for the boxes
LETTERS = ((9.5, SMALL), (6.6, SMALL - 2))  # points: least height of a box, font size of its label
LETTER = 0.56  # mean width of a character in font sizes
DEEPER, DEEPEST = 0.17, 0.6  # share of background in the colour of a name: added for each rank, and largest
NO_RANK = (JOINED, UNNAMED, VERDICT)


def taxonomy_picture(counts: Counts, theme: Theme) -> Figure:
    """The figure of a tree of names: one box for each name, as high as its count."""
    shown = _thinned(counts)
    heights = heights_of(shown)
    figure = new_figure(theme, WIDTH, HEIGHT, verbatim(title_of(shown)), line=110)
    axes = figure.subplots()
    axes.axis("off")
    ranks = [rank for rank in RANKS if rank in shown.ranks]
    total, width = max(1.0, heights[0]), max(1, len(ranks))
    axes.set(xlim=(0, width), ylim=(total, -0.025 * total))
    for column, rank in enumerate(ranks):
        names = f"{rank}: {counted(counts.ranks.count(rank), 'name')}"
        axes.text(column + 0.01, -0.008 * total, names, color=theme.ink, fontsize=SMALL, va="bottom")
    _draw_boxes(axes, shown, columns_of(shown, ranks), heights, theme)
    return figure


def _thinned(counts: Counts) -> Counts:
    """As many names as have room for their labels."""
    shown = thinned(counts, MOST)
    sizes = [size for size in sorted(set(counts.counts)) if size > shown.least]

    def lowest(least: int) -> float:
        return least * _points(heights_of(joined(counts, least)))

    if not sizes or lowest(shown.least) >= LETTERS[-1][0]:
        return shown
    at = bisect_left(sizes, LETTERS[-1][0], key=lowest)
    return joined(counts, sizes[min(at, len(sizes) - 1)])


def _points(heights: Sequence[float]) -> float:
    """Height in points for a count of one."""
    return HEIGHT * ROOM * 72 / max(1.0, heights[0])


def heights_of(counts: Counts) -> list[float]:
    """Heights of the boxes: their counts, but the joined names at the first branching are squeezed.

    In a collection of many small families they would leave no room for the named ones; all other boxes
    have one scale.
    """
    branches = counts.branches
    excess, squeezed = 0.0, -1
    for at, parent in enumerate(counts.parents):
        if counts.ranks[at] == JOINED and branches[parent] == -1:
            others = counts.counts[0] - counts.counts[at]
            room = SQUEEZED / (1 - SQUEEZED) * others if others else inf
            excess, squeezed = max(0.0, counts.counts[at] - room), at
    return [
        count - excess if at == squeezed or branches[at] == -1 else float(count)
        for at, count in enumerate(counts.counts)
    ]


def title_of(counts: Counts) -> str:
    """The total, and which names are joined."""
    if counts.least == 1:
        return counts.labels[0]
    return f"{counts.labels[0]}  ·  names of fewer than {counted(counts.least, counts.noun)} are joined"


def columns_of(counts: Counts, ranks: Sequence[str]) -> list[int]:
    """The column of each node, -1 for the root: that of its rank, else the one after its parent's."""
    columns: list[int] = []
    for rank, parent in zip(counts.ranks, counts.parents, strict=True):
        columns.append(ranks.index(rank) if rank in ranks else columns[parent] + 1 if parent >= 0 else -1)
    return columns


def colours_of_nodes(counts: Counts, theme: Theme) -> list[str]:
    """A colour for each branch of the tree, paler at each rank; grey for joined and missing names."""
    branches = counts.branches
    named = [at for at in dict.fromkeys(branches) if at >= 0 and counts.ranks[at] not in NO_RANK]
    palette = {branch: PALETTE[number % len(PALETTE)] for number, branch in enumerate(named)}
    depths: list[int] = []
    for at, parent in enumerate(counts.parents):
        depths.append(depths[parent] + 1 if branches[at] not in (-1, at) else 0)
    return [
        theme.faint if rank in NO_RANK
        else blended(palette.get(branch, theme.others), theme.paper, min(DEEPEST, DEEPER * depth))
        for rank, branch, depth in zip(counts.ranks, branches, depths, strict=True)
    ]  # fmt: skip


def _draw_boxes(
    axes: Axes, shown: Counts, columns: Sequence[int], heights: Sequence[float], theme: Theme
) -> None:
    """All boxes but the root's; a box without a rank extends to the last column."""
    colours, starts, end = colours_of_nodes(shown, theme), shown.starts(heights), axes.get_xlim()[1]
    for at in range(1, len(shown.labels)):
        points = _points(heights) * heights[at]
        wide = end - columns[at] if shown.ranks[at] in NO_RANK else 1.0
        [box] = axes.bar(
            columns[at], heights[at], wide, starts[at], align="edge", color=colours[at],
            edgecolor=theme.paper, linewidth=min(0.8, 0.15 * points),
        )  # fmt: skip
        size = next((size for least, size in LETTERS if points >= least), 0.0)
        if size:
            characters = int(wide * WIDTH * 70 / end / (LETTER * size))
            text = axes.text(
                columns[at] + 0.02, starts[at] + heights[at] / 2, _label(shown, at, characters, heights[at]),
                color=ink_on(colours[at]), fontsize=size, va="center", parse_math=False, clip_on=True,
            )  # fmt: skip
            text.set_clip_path(box)


def _label(shown: Counts, at: int, characters: int, height: float) -> str:
    """A name and its count, the name cut to fit."""
    number = f"  {shown.counts[at]:,}" + ("" if height == shown.counts[at] else "  (not to scale)")
    return shortened(shown.labels[at], min(LONGEST, max(4, characters - len(number)))) + number
