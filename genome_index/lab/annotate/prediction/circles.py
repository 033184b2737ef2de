"""Features of a circular contig: windows of several turns are stitched, so that none ends at the origin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from genome_index.lab.annotate.prediction.gene_groups import gene_numbers
from genome_index.lab.annotate.prediction.stitching import Stitched, WindowLines, by_place, stitch

AROUND_BP = 50_000  # of the turns before and after; a longer feature over the origin is left out


def stitch_contig(windows: Sequence[WindowLines], circle_bp: int = 0) -> list[Stitched]:
    """The parts of a contig by place; the windows are in order of place.

    Parameters
    ----------
    circle_bp
        Length of a circular contig: what crosses the origin ends beyond it, as in GFF3, and parts of the
        same gene behind the origin count on from there. 0 for another contig.
    """
    if not circle_bp:
        return stitch(windows)
    around = min(AROUND_BP, circle_bp)
    turns = [
        replace(window, start=window.start + shift, end=window.end + shift, number=number)
        for shift in (-circle_bp, 0, circle_bp)
        for number, window in enumerate(windows)
        if window.end + shift > -around and window.start + shift < circle_bp + around
    ]
    return _within_genes([part for part in stitch(turns) if 0 <= part.start < circle_bp], circle_bp)


def _within_genes(parts: Sequence[Stitched], circle_bp: int) -> list[Stitched]:
    """The parts, a turn later where one of the same gene comes over the origin and reaches behind them."""
    numbers = gene_numbers(parts)
    reach: dict[int, int] = {}
    for part, gene in zip(parts, numbers, strict=True):
        reach[gene] = max(reach.get(gene, 0), part.end - circle_bp)
    return by_place(
        _turned(part, circle_bp) if part.end <= reach[gene] else part
        for part, gene in zip(parts, numbers, strict=True)
    )


def _turned(part: Stitched, circle_bp: int) -> Stitched:
    return Stitched(
        tuple(
            replace(piece, start=piece.start + circle_bp, end=piece.end + circle_bp) for piece in part.pieces
        )
    )
