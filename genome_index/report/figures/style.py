"""Style of all figures: colours, sizes, the light and the dark theme, and saving.

matplotlib is loaded when something is drawn, without its global state (pyplot).
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any, Literal, cast, get_args
from urllib.parse import quote

from genome_index.errors import UsageError
from genome_index.io.atomic import disk_errors, write_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

ThemeName = Literal["light", "dark"]


@dataclass(frozen=True)
class Theme:
    """The background and the colours on it."""

    paper: str
    ink: str
    faint: str  # other members, windows without a hit
    grid: str
    accent: str  # the genome itself, a median
    second: str
    others: str  # names beyond the palette


THEMES: dict[ThemeName, Theme] = {
    "light": Theme("#FFFFFF", "#1B1F24", "#B4B9BF", "#E6E8EB", "#0072B2", "#D55E00", "#7A8087"),
    "dark": Theme("#14181D", "#E8EAED", "#5B626B", "#2B3138", "#56B4E9", "#E69F00", "#9AA1A9"),
}

# Okabe & Ito 2008, distinct for readers with colour vision deficiency, without black, which is the ink of one
# theme and the paper of the other; then colours of Tol's muted scheme (SRON/EPS/TN/09-002) unlike these.
PALETTE = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#F0E442",
    "#882255", "#999933", "#7F5FC4", "#44AA99", "#DDCC77",
)  # fmt: skip

DPI = 150
MANY = 6  # lines over each other; more of them are transparent
TITLE, TEXT, SMALL = 12.0, 9.0, 8.0  # points


def theme_named(name: str) -> Theme:
    """The theme of that name; else UsageError."""
    if name not in get_args(ThemeName):
        raise UsageError(f"no theme is called {name!r}; choose one of: {', '.join(THEMES)}")
    return THEMES[cast(ThemeName, name)]


def new_figure(theme: Theme, width: float, height: float, title: str, line: int = 75) -> Figure:
    """An empty figure, width and height in inches, with automatic layout.

    A title longer than `line` characters is wrapped.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08, wspace=0.03, hspace=0.03)
    figure = Figure(figsize=(width, height), layout=layout, facecolor=theme.paper)
    if title:
        figure.suptitle(fill(title, line), color=theme.ink, fontsize=TITLE, x=0.01, ha="left")
    return figure


def dress(axes: Axes, theme: Theme, title: str = "", **labels: Any) -> None:  # noqa: ANN401  # as Axes.set takes
    """Set the colours of the theme, a title, and labels named as in `Axes.set`."""
    axes.set(facecolor=theme.paper, **labels)
    axes.set_title(title, loc="left", fontsize=TEXT, color=theme.ink)
    axes.tick_params(colors=theme.ink, labelsize=SMALL, length=3)
    axes.grid(color=theme.grid, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.xaxis.set_major_formatter(_number)
    axes.yaxis.set_major_formatter(_number)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set(color=theme.ink, fontsize=SMALL)
    for name, spine in axes.spines.items():
        spine.set(visible=name in ("left", "bottom"), color=theme.faint)


def _number(value: float, position: float = 0) -> str:
    """The label of a tick with thousands separated; matplotlib passes value and position.

    >>> [_number(value) for value in (0.25, 30.0, -12_000.0)]
    ['0.25', '30', '-12,000']
    """
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.6g}"


def colours_of(names: Iterable[str], theme: Theme) -> dict[str, str]:
    """A colour for each name, in order; names beyond the palette share one."""
    return {
        name: PALETTE[at] if at < len(PALETTE) else theme.others
        for at, name in enumerate(dict.fromkeys(names))
    }


def heat(theme: Theme) -> Colormap:
    """A colour map from the paper to the ink."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("gindex", [theme.paper, theme.ink])


def line_alpha(lines: int) -> float:
    """Opacity of each of `lines` lines over each other, 0 to 1."""
    return min(1.0, max(0.3, MANY / max(1, lines)))


def bases(length_bp: int) -> tuple[float, str]:
    """Divisor of base pairs for an axis of this length, and its unit.

    >>> [bases(length) for length in (3_000, 16_569, 4_641_652)]
    [(1.0, 'bp'), (1000.0, 'kbp'), (1000000.0, 'Mbp')]
    """
    if length_bp < 10_000:
        return 1.0, "bp"
    return (1e3, "kbp") if length_bp < 2_000_000 else (1e6, "Mbp")


def picture_path(folder: Path, name: str, what: str) -> Path:
    """Path of the figure of a genome or species without its suffix; different names give different files.

    >>> picture_path(Path("out"), "gb|AB1/2", "composition").as_posix()
    'out/gb%7CAB1%2F2-composition'
    """
    return folder / f"{quote(name, safe=' +,=@()')}-{what}"


def save(figure: Figure, path_without_suffix: Path) -> list[Path]:
    """Write PNG and SVG, byte-identical for equal figures; missing folders are created."""
    import matplotlib

    written = []
    with disk_errors(path_without_suffix.parent):
        path_without_suffix.parent.mkdir(parents=True, exist_ok=True)
    for kind, metadata in (("png", {"Software": None}), ("svg", {"Date": None})):
        content = io.BytesIO()
        with matplotlib.rc_context({"svg.hashsalt": "gindex"}):  # without it ids within the SVG are random
            figure.savefig(content, format=kind, dpi=DPI, metadata=metadata)
        path = path_without_suffix.with_name(f"{path_without_suffix.name}.{kind}")
        write_file(path, content.getvalue())
        written.append(path)
    return written
