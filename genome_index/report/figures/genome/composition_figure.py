"""Composition of a genome as a figure: k-mers, DNA walks with those of its species, GC content and skew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from genome_index.index.index import Index
from genome_index.index.store.composition import Counts, decode_windows
from genome_index.report.figures.genome.alignment import fitted
from genome_index.report.figures.genome.chaos_game import fcgr, fcgr_of_windows, k_for
from genome_index.report.figures.genome.dna_walks import gc_along, skew_along, walk_of_course
from genome_index.report.figures.genome.subjects import Member, Subject
from genome_index.report.figures.genome.walk_panels import WALKS, draw_walk
from genome_index.report.figures.style import Theme, bases, dress, heat, line_alpha, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]

SMOOTHED = 50  # windows of GC content along a genome
KNOWN_BY = {
    "reference": "{species}",
    "called": "called {species}",
    "nearest": "no species called, nearest {species}",
    "": "no species known",
}


def composition_picture(index: Index, subject: Subject, others: Sequence[Member], theme: Theme) -> Figure:
    """The figure of one genome; `others` are the other members of its species."""
    known = KNOWN_BY[subject.known_by].format(species=subject.species)
    figure = new_figure(theme, 10, 12.5, f"{subject.id}  ·  {known}  ·  {subject.length_bp:,} bp")
    rows: Any = figure.subfigures(3, 1, height_ratios=(3.7, 3.2, 5), facecolor=theme.paper)
    above, middle, below = rows
    kmers, line = above.subplots(1, 2, width_ratios=(5, 7))
    gc, skew = middle.subplots(2, 1, sharex=True)
    _cgr(kmers, index, subject, theme)
    aligned = [fitted(member.course, subject.stored_course) for member in others]
    _yau(line, subject, aligned, theme)
    _gc(gc, subject, theme)
    _skew(skew, subject, theme)
    members = [(course, other.length_bp) for (course, _), other in zip(aligned, others, strict=True)]
    for axes, name in zip(below.subplots(2, len(WALKS) // 2).flat, WALKS, strict=True):
        draw_walk(axes, name, (subject.course, subject.length_bp), members, theme)
    return figure


def _kmers(index: Index, subject: Subject) -> tuple[Floats, str]:
    """The chaos game representation (M, M), of the bases or of stored windows, and its title."""
    if subject.genome is not None:
        k = k_for(subject.length_bp)
        return fcgr(subject.genome, k).astype(np.float64), f"Chaos game of {k}-mers"
    windows = decode_windows(index.references.windows(subject.row))
    return fcgr_of_windows(windows), "Chaos game of 4-mers, both strands"


def _cgr(axes: Axes, index: Index, subject: Subject, theme: Theme) -> None:
    """Cells by the logarithm of the count of their k-mer; background for k-mers that do not occur."""
    cells, title = _kmers(index, subject)
    dress(axes, theme, title)
    least = cells[cells > 0].min(initial=np.inf)
    axes.imshow(
        np.log1p(cells / least), cmap=heat(theme), vmin=0, origin="lower", extent=(0, 1, 0, 1),
        interpolation="nearest",
    )  # fmt: skip
    axes.grid(visible=False)
    axes.set(xticks=(), yticks=(), xlim=(0, 1), ylim=(0, 1), aspect="equal", anchor="W")
    for letter, x, y in (("A", 0, 0), ("C", 0, 1), ("G", 1, 1), ("T", 1, 0)):
        axes.annotate(
            letter, (x, y), (16 * x - 8, 8 * y - 4), textcoords="offset points", ha="center", va="center",
            color=theme.ink, fontweight="bold", annotation_clip=False,
        )  # fmt: skip


def _yau(axes: Axes, subject: Subject, aligned: Sequence[tuple[Counts, bool]], theme: Theme) -> None:
    """Yau's line of the genome, and those of the members, rotated to fit it."""
    for course, _ in aligned:
        alpha = line_alpha(len(aligned))
        axes.plot(*walk_of_course(course, "yau").T, color=theme.faint, linewidth=0.7, alpha=alpha)
    line = walk_of_course(subject.course, "yau")
    axes.plot(*line.T, color=theme.accent, linewidth=1.5)
    axes.plot(*line[-1], ".", color=theme.accent)
    whose = "the nearest species" if subject.known_by == "nearest" else "its species"
    beside = f", beside {len(aligned):,} of {whose}" if aligned else ""
    moved = sum(was_moved for _, was_moved in aligned)
    beside += f" ({moved:,} rotated to fit)" if moved else ""
    dress(axes, theme, f"Yau's 2D line{beside}", xlabel="steps", ylabel="C, T up; A, G down (steps)")


def _gc(axes: Axes, subject: Subject, theme: Theme) -> None:
    over = max(1, len(subject.course) // SMOOTHED)
    window_bp = over * subject.length_bp / len(subject.course)
    mean = float(subject.course[:, 1:3].sum() / max(1, subject.course.sum())) * 100
    axes.axhline(mean, color=theme.faint, linewidth=0.8)
    axes.plot(_places(subject), gc_along(subject.course, over), color=theme.accent, linewidth=1)
    dress(axes, theme, f"GC content in windows of {window_bp:,.0f} bp; {mean:.1f} % over all", ylabel="%")
    axes.margins(x=0.01)


def _skew(axes: Axes, subject: Subject, theme: Theme) -> None:
    """Cumulative skew as a line, and the skew of windows, scaled to it, as a faint one."""
    line, places = walk_of_course(subject.course, "gc-skew")[:, 1], _places(subject)
    windows = skew_along(subject.course, max(1, len(subject.course) // SMOOTHED))
    beside = axes.twinx()
    beside.plot(places, windows, color=theme.faint, linewidth=0.8)
    dress(beside, theme, ylabel="(G - C) / (G + C)")
    beside.grid(visible=False)
    axes.plot(places, line, color=theme.second, linewidth=1.2)
    axes.set(zorder=beside.get_zorder() + 1, frame_on=False)
    title, unit = "GC skew: cumulative (line) and in windows (faint, right axis)", bases(subject.length_bp)[1]
    dress(axes, theme, title, xlabel=f"position ({unit})", ylabel="cumulative G - C")
    axes.margins(x=0.01)


def _places(subject: Subject) -> Floats:
    """The ends of the pieces on the axis of positions: (P,)."""
    end, pieces = subject.length_bp / bases(subject.length_bp)[0], len(subject.course)
    return np.arange(1, pieces + 1) * end / pieces
