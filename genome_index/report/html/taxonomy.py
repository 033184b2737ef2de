"""A taxonomy for the page: a sunburst that opens where it is clicked."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from genome_index.report.figures.style import THEMES
from genome_index.report.figures.taxonomy import colours_of_nodes
from genome_index.report.figures.text import ink_on, shortened
from genome_index.taxonomy.name_tree import JOINED, Counts, thinned

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

MOST = 3_000  # sectors; more are not told apart, and make the page slow
FEW = 400  # all of so many are shown at once; of more, RINGS rings
RINGS = 2
HEIGHT = 640  # pixels
GREY = "#7A8087"  # of the middle, on any paper


def sunburst_chart(counts: Counts) -> Figure:
    """The figure of a tree of names: a sector a name, as wide as genomes, or inputs, bear it."""
    from plotly.graph_objects import Figure, Sunburst

    shown = thinned(counts, MOST)
    few = len(shown.labels) <= FEW
    colours = [GREY, *colours_of_nodes(shown, THEMES["light"])[1:]]
    chart = Sunburst(
        ids=[str(at) for at in range(len(shown.labels))],
        labels=[escape(shortened(label)) for label in shown.labels],
        parents=["", *[str(parent) for parent in shown.parents[1:]]],
        values=list(shown.counts), branchvalues="total", sort=False,
        customdata=[_said(rank, shown) for rank in shown.ranks],
        hovertemplate=f"%{{label}}<br>%{{customdata}}<br>%{{value:,}} of {shown.labels[0]}<extra></extra>",
        insidetextfont={"color": [ink_on(colour) for colour in colours]},
        marker={"colors": colours, "line": {"width": 0.5 if few else 0, "color": "rgba(128,128,128,0.4)"}},
        leaf={"opacity": 1}, maxdepth=-1 if few else RINGS + 1,
        level=str(shown.branches.count(-1) - 1), rotation=90, insidetextorientation="auto",
    )  # fmt: skip
    figure = Figure(chart)
    figure.update_layout(
        template="none", paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)", height=HEIGHT,
        margin={"l": 10, "r": 10, "t": 10, "b": 10}, uniformtext={"minsize": 9, "mode": "hide"},
    )  # fmt: skip
    return figure


def _said(rank: str, shown: Counts) -> str:
    """What a node is."""
    return f"names of fewer than {shown.least:,}" if rank == JOINED else rank or "all"
