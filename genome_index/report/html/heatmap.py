"""A matrix for the page: ANI above the diagonal, similarity below it, the tree beside its rows."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from genome_index.collection.similarity_matrix import Matrix
from genome_index.report.figures.heatmap import ANI, NAMED, SIMILARITY, labels_of

if TYPE_CHECKING:
    from plotly.graph_objects import Figure, Heatmap, Scatter

TREE = 0.2  # share of the width
ROW = 14  # pixels that a labelled row needs
TONES = {
    "below its range": "rgba(128,128,128,0.2)",
    "not measured": "rgba(128,128,128,0.5)",
}  # on any paper
HOVER = "%{y}<br>%{x}<br>similarity: %{customdata[0]}<br>ANI (%): %{customdata[1]}<extra></extra>"

Floats = npt.NDArray[np.floating]


def heatmap_chart(matrix: Matrix) -> Figure:
    """The figure of a matrix: to point at a cell tells both genomes, their similarity and their ANI."""
    from plotly.graph_objects import Figure

    similarity, ani = matrix.ordered(matrix.similarity), matrix.ordered(matrix.ani)
    upper = np.triu(np.ones(ani.shape, bool), 1)
    # A colour needs two digits and no end of the scale more than itself; the numbers are those of _pairs.
    near = np.where(upper, np.nan, np.maximum(similarity, SIMILARITY[1]).round(2))
    figure = Figure([
        _pairs(matrix, similarity, ani, upper),
        _shown(near, SIMILARITY, "similarity (below)", 0.36),
        _shown(np.where(upper, ani, np.nan).round(1), ANI, "ANI, % (above)", 0.82),
        _tree(matrix),
        *_legend(matrix),
    ])  # fmt: skip
    figure.update_layout(**_layout(matrix))
    return figure


def _pairs(matrix: Matrix, similarity: Floats, ani: Floats, upper: npt.NDArray[np.bool_]) -> Heatmap:
    """What lies below the two: all numbers of a pair, and why it has no ANI."""
    from plotly.graph_objects import Heatmap

    missing, compared = np.isnan(ani), matrix.ordered(matrix.compared)
    numbers = [
        [
            [round(float(near), 3), _said(float(one), bool(looked))]
            for near, one, looked in zip(*row, strict=True)
        ]
        for row in zip(similarity, ani, compared, strict=True)
    ]
    kind = np.where(missing & upper, np.where(compared, 1, 2), 0)
    shades = ["rgba(0,0,0,0)", *TONES.values()]
    scale = [[at / 3, shade] for number, shade in enumerate(shades) for at in (number, number + 1)]
    return Heatmap(
        z=kind.tolist(), zmin=-0.5, zmax=2.5, colorscale=scale, showscale=False, customdata=numbers,
        hovertemplate=HOVER,
    )  # fmt: skip


def _said(ani: float, compared: bool) -> float | str:
    if np.isnan(ani):
        return "none" if compared else "unknown"
    return round(ani, 2)


def _shown(values: Floats, colours: tuple[str, float, float], title: str, at: float) -> Heatmap:
    """One of the triangles with its colour bar; nothing is said where it is pointed at."""
    from plotly.graph_objects import Heatmap

    name, least, most = colours
    bar = {
        "orientation": "h", "title": {"text": title, "side": "bottom"}, "thickness": 12, "len": 0.36, "x": at,
        "xanchor": "center", "y": -0.02, "yanchor": "top", "outlinewidth": 0,
    }  # fmt: skip
    return Heatmap(
        z=[_cells(row) for row in values], colorscale=name, zmin=least, zmax=most, colorbar=bar,
        hoverinfo="skip", hoverongaps=False,
    )  # fmt: skip


def _cells(row: Floats) -> list[float | None]:
    """Numbers up to the last that is known: a row may end before the others."""
    known = np.flatnonzero(~np.isnan(row))
    end = known[-1] + 1 if len(known) else 0
    return [None if np.isnan(one) else round(one, 4) for one in row[:end].tolist()]


def _tree(matrix: Matrix) -> Scatter:
    from plotly.graph_objects import Scatter

    lines = matrix.branches()
    gaps = np.full((len(lines), 1, 2), np.nan)
    x, y = np.concatenate([lines, gaps], axis=1).reshape(-1, 2).T
    return Scatter(
        x=_cells(x), y=_cells(y), xaxis="x2", mode="lines", hoverinfo="skip", showlegend=False,
        line={"width": 1, "color": "#7A8087"},
    )  # fmt: skip


def _legend(matrix: Matrix) -> list[Scatter]:
    """What cells without an ANI are, where there are any."""
    from plotly.graph_objects import Scatter

    missing = np.isnan(matrix.ani)
    there = (missing & matrix.compared).any(), (missing & ~matrix.compared).any()
    return [
        Scatter(
            x=[None], y=[None], mode="markers", name=f"no ANI: {what}",
            marker={"symbol": "square", "size": 12, "color": tone},
        )
        for (what, tone), some in zip(TONES.items(), there, strict=True)
        if some
    ]  # fmt: skip


def _layout(matrix: Matrix) -> dict[str, Any]:
    count = len(matrix.ids)
    labels = [escape(label) for label in labels_of(matrix)]
    named = {"tickmode": "array", "tickvals": list(range(count)), "ticktext": labels, "showgrid": False,
             "zeroline": False, "showline": False, "ticks": ""}  # fmt: skip
    widest = max(float(matrix.branches()[:, :, 0].max(initial=0)), 1e-3)
    return {
        "template": "none", "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)",
        "height": 220 + max(240, min(600, ROW * count) if count > NAMED else ROW * count),
        "hovermode": "closest", "margin": {"l": 10, "r": 10, "t": 40, "b": 90},
        "legend": {"orientation": "h", "x": TREE, "y": 1, "yanchor": "bottom"},
        "xaxis": {**named, "domain": [TREE, 1], "showticklabels": False, "range": [-0.5, count - 0.5]},
        "yaxis": {**named, "side": "right", "showticklabels": count <= NAMED, "range": [count - 0.5, -0.5],
                  "automargin": True, "anchor": "x", "tickfont": {"size": 11}},
        "xaxis2": {"domain": [0, TREE - 0.01], "range": [1.03 * widest, 0], "showgrid": False, "nticks": 4,
                   "title": {"text": "1 - similarity"}, "zeroline": False, "showline": False},
    }  # fmt: skip
