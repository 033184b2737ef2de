"""Features of a circular contig: windows of several turns are stitched, so that none ends at the origin."""

from __future__ import annotations

from collections.abc import Sequence

from genome_index.lab.annotate.prediction.stitching import Stitched, WindowLines, stitch

AROUND_BP = 50_000  # of the turns before and after; a longer feature over the origin is left out


def stitch_contig(windows: Sequence[WindowLines], circle_bp: int = 0) -> list[Stitched]:
    """The parts of a contig by place; the windows are in order of place.

    Parameters
    ----------
    circle_bp
        Length of a circular contig: parts begin below it, and what crosses the origin ends beyond it. 0 for
        another contig.
    """
    if not circle_bp:
        return stitch(windows)
    around = min(AROUND_BP, circle_bp)
    turns = [
        WindowLines(window.start + shift, window.end + shift, window.lines, number)
        for shift in (-circle_bp, 0, circle_bp)
        for number, window in enumerate(windows)
        if window.end + shift > -around and window.start + shift < circle_bp + around
    ]
    return [part for part in stitch(turns) if 0 <= part.start < circle_bp]
