"""Windows of a genome for a page: the figure as SVG, with its legend.

Lengths along the genome are percentages, so that bars stretch with the page and text does not. Text and lines
take the colour of the page. Two colours differ in the dark theme: a page sets `--windows-others` and
`--windows-nothing` to the dark colours of their legend entries; without them they are as in the light theme.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

from genome_index.records import counted
from genome_index.report.figures.genome.windows import NOTHING, GenomeWindows
from genome_index.report.figures.genome.windows_figure import FOOT, LegendEntry, legend_of, top_of
from genome_index.report.figures.style import bases

if TYPE_CHECKING:
    from markupsafe import Markup

LEFT, WIDTH = 6.5, 91.5  # percent: room for "100" on a small screen, and for half a number after the end
TOP, HEIGHT, BELOW = 24, 160, 44  # pixels: label of the y axis, bars, numbers and label of the x axis
HIGHEST = 100.0
MOST_TICKS = 6
MOST_ENDS = 60  # dotted lines; more of them hide the bars on a small screen


LEGEND_ENTRY = (
    '<li><svg viewBox="0 0 16 16" aria-hidden="true"><rect width="16" height="16" rx="3" fill="{}"/></svg>'
    "<span>{}, {}</span></li>"
)


def windows_markup(windows: GenomeWindows) -> Markup:
    """The figure and its legend, as a page shows them."""
    from markupsafe import Markup

    entry = Markup(LEGEND_ENTRY)
    entries = (entry.format(fill(one), one.label, f"{one.share:.0%}") for one in legend_of(windows))
    legend = Markup('<ul class="legend" aria-label="Colours of the windows">{}</ul>')
    figure = Markup('<figure class="wide">{}</figure>{}')
    return figure.format(Markup(windows_svg(windows)), legend.format(Markup("").join(entries)))


def fill(entry: LegendEntry) -> str:
    """The colour of an entry for an SVG attribute, in the theme of the page."""
    light, dark = entry.colours["light"], entry.colours["dark"]
    tone = "nothing" if NOTHING in entry.names else "others"
    return light if light == dark else f"var(--windows-{tone}, {light})"


def windows_svg(windows: GenomeWindows) -> str:
    """The windows as bars as high as their identity, in the colours of `legend_of`.

    The figure is as wide as its container. Each bar has a tooltip, the figure a description with the shares.
    """
    title, description = _text(f"Nearest species along {windows.genome}"), _text(_description(windows))
    return "".join([
        '<svg xmlns="http://www.w3.org/2000/svg" class="windows" role="img" width="100%" '
        f'height="{TOP + HEIGHT + BELOW}" overflow="visible" font-size="11" fill="currentColor">',
        f"<title>{title}</title><desc>{description}</desc>",
        *_identity_axis(),
        *_bars(windows),
        *_contig_ends(windows),
        *_position_axis(windows),
        "</svg>",
    ])  # fmt: skip


def _description(windows: GenomeWindows) -> str:
    """The figure in words, for screen readers."""
    shares = ", ".join(f"{entry.label} {entry.share:.0%}" for entry in legend_of(windows))
    text = f"{windows.length_bp:,} bp in {counted(len(windows.windows), 'window')}"
    contigs = len(windows.contig_ends)
    text += f" and {counted(contigs, 'contig')}" if contigs > 1 else ""
    text += f"; {contigs - 1:,} contig ends are too many to be drawn" if contigs > MOST_ENDS + 1 else ""
    return f"{text}. Nearest by shared k-mers: {shares}."


def _bars(windows: GenomeWindows) -> Iterator[str]:
    fills = _fills(windows)
    for window in windows.windows:
        left, right = _x(window.start, windows), _x(window.end, windows)
        top = _y(top_of(window))
        yield (
            f'<rect x="{left:.3f}%" width="{right - left:.3f}%" y="{top:.1f}" '
            f'height="{TOP + HEIGHT - top:.1f}" fill="{fills[window.name]}" shape-rendering="crispEdges">'
            f"<title>{_text(window.text)}</title></rect>"
        )


def _fills(windows: GenomeWindows) -> dict[str, str]:
    """Name -> fill of its legend entry."""
    return {name: fill(entry) for entry in legend_of(windows) for name in entry.names}


def _contig_ends(windows: GenomeWindows) -> Iterator[str]:
    """Dotted lines where one contig ends and the next begins; they show on every colour."""
    ends = windows.contig_ends[:-1]
    for end in ends if len(ends) <= MOST_ENDS else ():
        at = _x(end, windows)
        line = f'<line x1="{at:.3f}%" x2="{at:.3f}%" y1="{TOP - 4}" y2="{TOP + HEIGHT}" stroke="currentColor"'
        yield f'{line} stroke-dasharray="1.5 3"/>'


def _identity_axis() -> Iterator[str]:
    yield '<text x="0" y="12">identity (%)</text>'
    for tick in range(60, 101, 10):
        y = _y(tick)
        yield f'<text x="{LEFT}%" dx="-2" y="{y + 4:.1f}" text-anchor="end">{tick}</text>'
        yield (
            f'<line x1="{LEFT}%" x2="{LEFT + WIDTH}%" y1="{y:.1f}" y2="{y:.1f}" stroke="currentColor" '
            'stroke-opacity="0.15"/>'
        )


def _position_axis(windows: GenomeWindows) -> Iterator[str]:
    scale, unit = bases(windows.length_bp)
    foot = TOP + HEIGHT
    yield f'<line x1="{LEFT}%" x2="{LEFT + WIDTH}%" y1="{foot}" y2="{foot}" stroke="currentColor"/>'
    for tick in ticks(windows.length_bp / scale):
        at = _x(tick * scale, windows)
        yield f'<line x1="{at:.3f}%" x2="{at:.3f}%" y1="{foot}" y2="{foot + 4}" stroke="currentColor"/>'
        anchor = "middle" if at < LEFT + WIDTH - 3 else "end"
        yield f'<text x="{at:.3f}%" y="{foot + 17}" text-anchor="{anchor}">{tick:,.10g}</text>'
    yield f'<text x="{LEFT + WIDTH / 2}%" y="{foot + 36}" text-anchor="middle">position ({unit})</text>'


def ticks(end: float) -> list[float]:
    """Round numbers from 0 up to `end`, at most MOST_TICKS of them.

    >>> [ticks(end) for end in (16.569, 4.64, 800)]
    [[0.0, 5.0, 10.0, 15.0], [0.0, 1.0, 2.0, 3.0, 4.0], [0.0, 200.0, 400.0, 600.0, 800.0]]
    """
    power = 10.0 ** math.floor(math.log10(end / MOST_TICKS))
    step = next(power * times for times in (1, 2, 5, 10) if end / (power * times) < MOST_TICKS)
    return [number * step for number in range(int(end / step) + 1)]


def _x(position_bp: float, windows: GenomeWindows) -> float:
    """Percent of the width of the figure."""
    return LEFT + WIDTH * position_bp / windows.length_bp


def _y(identity: float) -> float:
    """Pixels from the top, of an identity in percent."""
    return TOP + HEIGHT * (HIGHEST - identity) / (HIGHEST - FOOT)


def _text(text: str) -> str:
    """Escaped text; characters that XML cannot hold are replaced."""
    printable = (char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return escape("".join(printable))
