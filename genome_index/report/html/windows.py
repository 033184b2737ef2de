"""A painting for the page: a genome's windows in the colours of the species they are nearest to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genome_index.index.calibration.hits import KMER_FLOOR
from genome_index.report.figures.genome.windows import Painting
from genome_index.report.figures.genome.windows_figure import Key, keys_of
from genome_index.report.figures.style import THEMES, bases
from genome_index.report.html import document

if TYPE_CHECKING:
    from plotly.graph_objects import Bar

HEIGHT = 340  # pixels


def painting_block(painted: Painting) -> document.Figure:
    """A bar a window as high as its identity, a colour a species; windows that share nothing stand low."""
    from plotly.graph_objects import Figure

    scale, unit = bases(painted.length_bp)
    figure = Figure([_bars(painted, key, scale) for key in keys_of(painted, THEMES["light"])])
    figure.update_layout(shapes=_ends(painted, scale))
    figure.update_layout(
        template="none", barmode="overlay", bargap=0, height=HEIGHT, showlegend=True,
        margin={"l": 55, "r": 10, "t": 10, "b": 45}, legend={"font": {"size": 11}, "tracegroupgap": 0},
        xaxis={"title": {"text": f"position ({unit})"}, "range": [0, painted.length_bp / scale]},
        yaxis={"title": {"text": "identity (%)"}, "range": [100 * KMER_FLOOR - 3, 101]},
    )  # fmt: skip
    says = ", ".join(f"{name} {share:.0%}" for name, share in painted.shares().items())
    return document.Figure(figure.to_json(), HEIGHT, f"Nearest species along {painted.genome}: {says}")


def _ends(painted: Painting, scale: float) -> list[dict[str, object]]:
    """Dotted lines where contigs end: add_vline draws the same, in a time that grows with their square."""
    line = {"color": THEMES["light"].others, "dash": "dot", "width": 1}
    up = {"y0": 0, "y1": 1, "yref": "y domain"}
    return [
        {"line": line, "type": "line", "x0": end / scale, "x1": end / scale, "xref": "x", **up}
        for end in painted.contig_ends[:-1]
    ]


def _bars(painted: Painting, key: Key, scale: float) -> Bar:
    from html import escape

    from plotly.graph_objects import Bar

    stripes = [stripe for stripe in painted.stripes if stripe.name in key.names]
    floor = 100 * KMER_FLOOR
    return Bar(
        x=[round((stripe.start + stripe.end) / 2 / scale, 4) for stripe in stripes],
        width=[round((stripe.end - stripe.start) / scale, 4) for stripe in stripes],
        y=[round(100 * (stripe.identity or KMER_FLOOR) - floor + 3, 2) for stripe in stripes],
        base=floor - 3,
        name=escape(key.label),
        hovertext=[escape(stripe.says) for stripe in stripes],
        hoverinfo="text",
        marker={"color": key.colour, "line": {"width": 0}},
    )
