"""Windows of a genome as a figure: a bar for each, as high as its identity, in the colour of its species.

`legend_of`, `FOOT` and `top_of` say what is drawn; this module draws it with matplotlib for files, and
report/html/windows.py writes it as SVG for pages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from genome_index.index.calibration.hits import KMER_FLOOR
from genome_index.records import counted
from genome_index.report.figures.genome.windows import NOTHING, GenomeWindows, Window
from genome_index.report.figures.style import (
    PALETTE,
    SMALL,
    THEMES,
    Theme,
    ThemeName,
    bases,
    dress,
    new_figure,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FOOT = 100 * KMER_FLOOR - 3  # identity in percent at the foot of the bars; a bar without a hit is 3 high


@dataclass(frozen=True)
class LegendEntry:
    """A colour of the figure and its meaning."""

    label: str
    share: float  # of the genome's bases, 0 to 1
    names: frozenset[str]  # names of windows in this colour
    colours: Mapping[ThemeName, str]


def legend_of(windows: GenomeWindows) -> list[LegendEntry]:
    """The legend: names by share, then one entry for names beyond the palette, then windows without a hit."""
    shares = windows.shares()
    names = [name for name in shares if name != NOTHING]
    entries = [
        LegendEntry(name, shares[name], frozenset({name}), dict.fromkeys(THEMES, colour))
        for name, colour in zip(names, PALETTE, strict=False)
    ]
    if rest := names[len(PALETTE) :]:
        share = sum(shares[name] for name in rest)
        label = rest[0] if len(rest) == 1 else f"{len(rest):,} more"
        entries.append(
            LegendEntry(label, share, frozenset(rest), {name: theme.others for name, theme in THEMES.items()})
        )
    if NOTHING in shares:
        colours = {name: theme.faint for name, theme in THEMES.items()}
        entries.append(LegendEntry(NOTHING, shares[NOTHING], frozenset({NOTHING}), colours))
    return entries


def top_of(window: Window) -> float:
    """Identity in percent at the top of a window's bar."""
    return FOOT + 3 if window.identity is None else 100 * window.identity


def windows_picture(windows: GenomeWindows, theme: Theme) -> Figure:
    """The figure as matplotlib draws it, with its legend at the right."""
    from matplotlib.patches import Patch

    title = f"{windows.genome}  ·  {windows.length_bp:,} bp in {counted(len(windows.windows), 'window')}"
    figure = new_figure(theme, 10, 3.4, title, line=55)
    axes = figure.subplots()
    entries = [(entry, _colour(entry, theme)) for entry in legend_of(windows)]
    _draw_bars(axes, windows, {name: colour for entry, colour in entries for name in entry.names})
    _draw_contig_ends(axes, windows, theme)
    _dress(axes, windows, theme)
    figure.legend(
        handles=[Patch(color=colour, label=f"{entry.label}, {entry.share:.0%}") for entry, colour in entries],
        loc="outside right upper", frameon=False, fontsize=SMALL, labelcolor=theme.ink, alignment="left",
    )  # fmt: skip
    return figure


def _colour(entry: LegendEntry, theme: Theme) -> str:
    return next(entry.colours[name] for name, known in THEMES.items() if known == theme)


def _draw_bars(axes: Axes, windows: GenomeWindows, colours: Mapping[str, str]) -> None:
    scale, _ = bases(windows.length_bp)
    for window in windows.windows:
        axes.bar(
            window.start / scale, top_of(window) - FOOT, (window.end - window.start) / scale, bottom=FOOT,
            align="edge", color=colours[window.name], linewidth=0,
        )  # fmt: skip


def _draw_contig_ends(axes: Axes, windows: GenomeWindows, theme: Theme) -> None:
    """Dotted lines that show on every colour."""
    scale, _ = bases(windows.length_bp)
    for end in windows.contig_ends[:-1]:
        axes.axvline(end / scale, color=theme.ink, linewidth=1, linestyle=(0, (1, 2)))


def _dress(axes: Axes, windows: GenomeWindows, theme: Theme) -> None:
    scale, unit = bases(windows.length_bp)
    ends = "; dotted: ends of contigs" if len(windows.contig_ends) > 1 else ""
    title = f"Identity of each window to its nearest other reference, by shared k-mers{ends}"
    dress(axes, theme, title, xlabel=f"position ({unit})", ylabel="identity (%)")
    axes.set(ylim=(FOOT, 101), xlim=(0, windows.length_bp / scale))
