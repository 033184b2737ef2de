"""A painting for the service's page: SVG that the server makes, and its legend; no script draws it.

Lengths along the genome are percentages, so bars stretch with the page and letters do not. Text and lines
take the page's own colour. Two tones are others in the dark: a page may set `--painting-others` and
`--painting-nothing` there to the `dark` of their keys; where it does not, they are as in the light.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape
from typing import NamedTuple

from genome_index.index.calibration.hits import KMER_FLOOR
from genome_index.records import counted
from genome_index.report.figures.genome.windows import NOTHING, Painting
from genome_index.report.figures.genome.windows_figure import keys_of
from genome_index.report.figures.style import THEMES, bases

LEFT, WIDE = 6.5, 91.5  # percent: room for "100" on a telephone, and for half a number behind the end
TOP, HIGH, BELOW = 24, 160, 44  # pixels: the axis' name, the bars, numbers and name of the other axis
LOW = 100 * KMER_FLOOR - 3  # identity in percent that bars stand on; those that share nothing are 3 high
FULL = 100.0
MOST_TICKS = 6
MOST_ENDS = 60  # dotted lines; more of them hide the bars on a telephone


class PaintingKey(NamedTuple):
    """What a colour stands for."""

    light: str
    dark: str
    label: str
    share: float  # of the genome's bases, 0 to 1
    fill: str  # the colour of this page's theme, for an SVG attribute


def painting_keys(painted: Painting) -> list[PaintingKey]:
    """The legend: largest share first, then names beyond the palette in one, then nothing shared."""
    shares = painted.shares()
    pairs = zip(keys_of(painted, THEMES["light"]), keys_of(painted, THEMES["dark"]), strict=True)
    found = []
    for light, dark in pairs:
        label = min(light.names) if len(light.names) == 1 else f"{len(light.names):,} more"
        tone = "nothing" if NOTHING in light.names else "others"
        same = light.colour == dark.colour
        fill = light.colour if same else f"var(--painting-{tone}, {light.colour})"
        share = sum(shares[name] for name in light.names)
        found.append(PaintingKey(light.colour, dark.colour, label, share, fill))
    return found


def painting_svg(painted: Painting) -> str:
    """The windows as bars as high as their identity, in the colours of `painting_keys`.

    It is as wide as what it is put into. Each bar says in its tooltip what it is; the whole says its shares.
    """
    title, said = _text(f"Nearest species along {painted.genome}"), _text(_said(painted))
    return "".join([
        '<svg xmlns="http://www.w3.org/2000/svg" class="painting" role="img" width="100%" '
        f'height="{TOP + HIGH + BELOW}" overflow="visible" font-size="11" fill="currentColor">',
        f"<title>{title}</title><desc>{said}</desc>",
        *_scale_of_identity(),
        *_bars(painted),
        *_ends(painted),
        *_scale_of_positions(painted),
        "</svg>",
    ])  # fmt: skip


def _said(painted: Painting) -> str:
    """The picture for those who cannot see it."""
    shares = ", ".join(f"{key.label} {key.share:.0%}" for key in painting_keys(painted))
    said = f"{painted.length_bp:,} bp in {counted(len(painted.stripes), 'window')}"
    contigs = len(painted.contig_ends)
    said += f" and {counted(contigs, 'contig')}" if contigs > 1 else ""
    said += f", whose {contigs - 1:,} borders are too many to be drawn" if contigs > MOST_ENDS + 1 else ""
    return f"{said}. Nearest by shared words: {shares}."


def _bars(painted: Painting) -> Iterator[str]:
    fills = _fills(painted)
    for stripe in painted.stripes:
        left, right = _x(stripe.start, painted), _x(stripe.end, painted)
        top = _y(LOW + 3 if stripe.identity is None else 100 * stripe.identity)
        yield (
            f'<rect x="{left:.3f}%" width="{right - left:.3f}%" y="{top:.1f}" '
            f'height="{TOP + HIGH - top:.1f}" fill="{fills[stripe.name]}" shape-rendering="crispEdges">'
            f"<title>{_text(stripe.says)}</title></rect>"
        )


def _fills(painted: Painting) -> dict[str, str]:
    """Name -> the fill of its key."""
    keys = zip(keys_of(painted, THEMES["light"]), painting_keys(painted), strict=True)
    return {name: shown.fill for key, shown in keys for name in key.names}


def _ends(painted: Painting) -> Iterator[str]:
    """Where one contig ends and the next begins: dots that show on every colour."""
    ends = painted.contig_ends[:-1]
    for end in ends if len(ends) <= MOST_ENDS else ():
        at = _x(end, painted)
        line = f'<line x1="{at:.3f}%" x2="{at:.3f}%" y1="{TOP - 4}" y2="{TOP + HIGH}" stroke="currentColor"'
        yield f'{line} stroke-dasharray="1.5 3"/>'


def _scale_of_identity() -> Iterator[str]:
    yield '<text x="0" y="12">identity (%)</text>'
    for tick in range(60, 101, 10):
        y = _y(tick)
        yield f'<text x="{LEFT}%" dx="-2" y="{y + 4:.1f}" text-anchor="end">{tick}</text>'
        yield (
            f'<line x1="{LEFT}%" x2="{LEFT + WIDE}%" y1="{y:.1f}" y2="{y:.1f}" stroke="currentColor" '
            'stroke-opacity="0.15"/>'
        )


def _scale_of_positions(painted: Painting) -> Iterator[str]:
    scale, unit = bases(painted.length_bp)
    foot = TOP + HIGH
    yield f'<line x1="{LEFT}%" x2="{LEFT + WIDE}%" y1="{foot}" y2="{foot}" stroke="currentColor"/>'
    for tick in ticks(painted.length_bp / scale):
        at = _x(tick * scale, painted)
        yield f'<line x1="{at:.3f}%" x2="{at:.3f}%" y1="{foot}" y2="{foot + 4}" stroke="currentColor"/>'
        anchor = "middle" if at < LEFT + WIDE - 3 else "end"
        yield f'<text x="{at:.3f}%" y="{foot + 17}" text-anchor="{anchor}">{tick:,.10g}</text>'
    yield f'<text x="{LEFT + WIDE / 2}%" y="{foot + 36}" text-anchor="middle">position ({unit})</text>'


def ticks(end: float) -> list[float]:
    """Round numbers from 0 up to `end`, at most MOST_TICKS of them.

    >>> [ticks(end) for end in (16.569, 4.64, 800)]
    [[0.0, 5.0, 10.0, 15.0], [0.0, 1.0, 2.0, 3.0, 4.0], [0.0, 200.0, 400.0, 600.0, 800.0]]
    """
    power = 10.0 ** math.floor(math.log10(end / MOST_TICKS))
    step = next(power * times for times in (1, 2, 5, 10) if end / (power * times) < MOST_TICKS)
    return [number * step for number in range(int(end / step) + 1)]


def _x(position_bp: float, painted: Painting) -> float:
    """Percent of the picture's width."""
    return LEFT + WIDE * position_bp / painted.length_bp


def _y(identity: float) -> float:
    """Pixels from above, of an identity in percent."""
    return TOP + HIGH * (FULL - identity) / (FULL - LOW)


def _text(words: str) -> str:
    """Escaped; what XML cannot hold at all is shown as such."""
    return escape(
        "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in words)
    )
