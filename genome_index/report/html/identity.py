"""Borders of species for the page: identity within species above, between them below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from genome_index.collection.species_borders import (
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
from genome_index.report.figures.identity import BELOW, NOTHING, WIDTH
from genome_index.report.figures.style import PALETTE

if TYPE_CHECKING:
    from plotly.graph_objects import Bar, Figure

WITHIN, BETWEEN, LEARNED, PRIOR = PALETTE[0], PALETTE[4], PALETTE[2], PALETTE[3]
HEIGHT = 400  # pixels, of one kind of molecule
TICKED = [tick for tick in TICKS if tick not in (80, 99.5)]  # all of them have no room on a telephone


def identity_chart(identities: Identities) -> Figure:
    """The figure of the borders: two histograms for each kind of molecule, one upside down."""
    from plotly.graph_objects import Figure

    borders = identities.borders
    figure = Figure()
    figure.update_layout(
        template="none", paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)", bargap=0,
        barmode="overlay", height=60 + HEIGHT * max(1, len(borders)), hovermode="closest",
        margin={"l": 70, "r": 15, "t": 40, "b": 20},
        legend={"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"},
    )  # fmt: skip
    if not borders:
        unseen = {"visible": False}
        figure.update_layout(xaxis=unseen, yaxis=unseen, height=120, annotations=[_text(NOTHING, 0.5)])
    for number, border in enumerate(borders):
        _draw(figure, border, number, len(borders))
    return figure


def _draw(figure: Figure, border: Border, number: int, of: int) -> None:
    """The two panels of one kind: the first from the top, with room for a title above and numbers below."""
    x, upper, lower = (_nth(at) for at in (number + 1, 2 * number + 1, 2 * number + 2))
    bottom = 1 - (number + 1) / of
    low, middle, high = (bottom + share / of for share in (0.18, 0.56, 0.94))
    figure.add_traces([
        _bars(border.within, WITHIN, "to the nearest of its species", x, upper, number == 0),
        _bars(border.between, BETWEEN, "to the nearest of another species", x, lower, number == 0),
    ])  # fmt: skip
    counts = {"title": {"text": "genomes"}, "nticks": 5}
    title = {"text": "ANI (%)", "standoff": 4}
    figure.update_layout({
        f"xaxis{x}": {"anchor": f"y{lower}", "title": title, "zeroline": False, **_ticks()},
        f"yaxis{upper}": {"domain": [middle, high], "anchor": f"x{x}", "rangemode": "tozero", **counts},
        f"yaxis{lower}": {"domain": [low, middle], "anchor": f"x{x}", "autorange": "reversed", **counts},
    })  # fmt: skip
    heading = f"{border.molecule}: {counted(len(border.within) + border.unnamed)}"
    figure.update_layout(
        shapes=[*figure.layout.shapes, *_marks(border, f"x{x}", (low, high), number == 0)],
        annotations=[*figure.layout.annotations, _text(heading, high, "bottom")],
    )


def _nth(number: int) -> str:
    """What plotly adds to the name of an axis."""
    return "" if number == 1 else str(number)


def _ticks() -> dict[str, Any]:
    places = [BELOW + WIDTH / 2, *place(TICKED).tolist()]
    return {
        "tickvals": [round(at, 4) for at in places],
        "ticktext": ["&lt; 80", *[f"{tick:g}" for tick in TICKED]],
        "tickangle": 0,
        "range": [round(BELOW - WIDTH, 4), round(float(EDGES[-1]) + WIDTH, 4)],
    }


def _bars(ani: Floats, colour: str, name: str, x: str, y: str, in_legend: bool) -> Bar:
    """A histogram, and left of it, paler, those below the range."""
    from plotly.graph_objects import Bar

    inside, below = binned(ani)
    ends, middles = ani_at(EDGES), [BELOW + WIDTH / 2, *(EDGES[:-1] + WIDTH / 2).tolist()]
    spans = [f"{low:.4g} to {high:.4g} %" for low, high in zip(ends[:-1], ends[1:], strict=True)]
    return Bar(
        x=[round(at, 4) for at in middles], y=[below, *inside.tolist()],
        width=round(0.95 * WIDTH, 4), customdata=["below the range", *spans], name=name, showlegend=in_legend,
        marker={"color": colour, "opacity": [0.5, *[1.0] * len(inside)]}, xaxis=f"x{x}", yaxis=f"y{y}",
        hovertemplate="%{y:,} with an ANI %{customdata}<br>" + name + "<extra></extra>",
    )  # fmt: skip


def _marks(border: Border, x: str, y: tuple[float, float], in_legend: bool) -> list[dict[str, Any]]:
    """What the species ask for, across both panels."""
    low, median, high = border.band
    drawn = (
        ("rect", (low, high), "species ask for: 5th to 95th percentile",
         {"fillcolor": LEARNED, "opacity": 0.25, "line": {"width": 0}, "layer": "below"}),
        ("line", (median, median), "median", {"line": {"color": LEARNED, "width": 2}}),
        ("line", (border.prior,) * 2, "prior", {"line": {"color": PRIOR, "width": 2, "dash": "dash"}}),
    )  # fmt: skip
    return [
        {"type": shape, "xref": x, "x0": at[0], "x1": at[1], "yref": "paper", "y0": y[0], "y1": y[1],
         "name": name, "showlegend": in_legend, **look}
        for shape, ends, name, look in drawn
        for at in [place(ends).round(4).tolist()]
    ]  # fmt: skip


def _text(text: str, y: float, anchor: str = "middle") -> dict[str, Any]:
    return {
        "text": text, "x": 0, "xref": "paper", "y": y, "yref": "paper", "xanchor": "left", "yanchor": anchor,
        "showarrow": False, "align": "left",
    }  # fmt: skip
