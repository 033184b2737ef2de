"""Figures of matplotlib as SVG inside a page: in its font and theme, with tooltips, wide and narrow."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from genome_index.report.figures.style import Theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Layout:
    """The room that a figure has, and whether the page around it already has its title and sentences."""

    width: float  # inches
    captions: bool = True


WIDE, NARROW = Layout(10, captions=False), Layout(4.6, captions=False)

# Colours that stand for those of the page's theme: each is written as the CSS variable of its name.
PAGE = Theme("#FE0001", "#FE0002", "#FE0003", "#FE0004", "#0072B2", "#D55E00", "#FE0005")
VARIABLES = {
    PAGE.paper: "paper",
    PAGE.ink: "ink",
    PAGE.faint: "faint",
    PAGE.grid: "line",
    PAGE.others: "others",
}
DOTS_PER_INCH = 216  # of the pixels of an image within the SVG: three for each unit of the drawing

_COLOUR = re.compile("(?<=: )(?:" + "|".join(VARIABLES) + ")", re.IGNORECASE)
_ID = re.compile(r'(?P<start><\w+(?: [^<>]*?)?) id="(?P<id>[^"]*)"')
_REFERENCE = re.compile(r'(?:href="#|url\(#)([^")]+)')
_UNUSED = re.compile(r"<metadata>.*?</metadata>|<style.*?</style>|font-family: [^;\"]*; ?", re.DOTALL)
_SIZE = re.compile(r'<svg ([^>]*?)width="[\d.]+pt" height="[\d.]+pt"')


def inline(name: str, draw: Callable[[Layout], tuple[Figure, Mapping[str, str]]]) -> str:
    """The figure for a wide page and for a narrow one; the CSS of the page shows one of them.

    Parameters
    ----------
    name
        Tells the figures of one page apart.
    draw
        Returns a figure in the theme PAGE, and gid -> tooltip of its artists.
    """
    return "".join(_svg(*draw(layout), name, kind) for kind, layout in (("wide", WIDE), ("narrow", NARROW)))


def _svg(figure: Figure, tips: Mapping[str, str], name: str, kind: str) -> str:
    import matplotlib

    content = io.BytesIO()
    # Ids come from the salt: two figures of one page must not share an id that something refers to.
    with matplotlib.rc_context({"svg.hashsalt": f"{name} {kind}", "svg.fonttype": "none"}):
        figure.savefig(content, format="svg", dpi=DOTS_PER_INCH, metadata={"Date": None}, transparent=True)
    text = content.getvalue().decode()
    text = _UNUSED.sub("", text[text.index("<svg") :])
    references = set(_REFERENCE.findall(text))
    text = _ID.sub(lambda match: match["start"] + _attribute(match["id"], tips, references), text)
    text = _COLOUR.sub(lambda match: f"var(--{VARIABLES[match[0].upper()]})", text)
    return _SIZE.sub(rf'<svg class="{kind}" \1', text, count=1)


def _attribute(gid: str, tips: Mapping[str, str], references: Collection[str]) -> str:
    """What an id becomes: a tooltip, itself if something refers to it, else nothing."""
    if gid in tips:
        return f' data-tip="{escape(tips[gid])}"'
    return f' id="{gid}"' if gid in references else ""
