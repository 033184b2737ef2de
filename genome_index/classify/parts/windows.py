"""Windows of a genome: all contigs cut into parts of about one length, each as a genome of its own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from genome_index.records import Contig, Genome


def cut_windows(genome: Genome, size_bp: int, most: int) -> Iterator[Genome]:
    """Windows of all contigs, of equal length near `size_bp` within a contig; a short contig is one window.

    Of more than `most` windows, that many are taken, spread evenly over all of the sequence.
    """
    places = [
        (contig, start, end)
        for contig in genome.contigs
        for start, end in _cuts(len(contig.sequence), size_bp)
    ]
    chosen = np.linspace(0, len(places) - 1, min(len(places), most)).astype(int)
    for at in chosen.tolist():
        contig, start, end = places[at]
        yield Genome(contig.name, (Contig(contig.name, contig.sequence[start:end]),), genome.source)


def _cuts(length_bp: int, size_bp: int) -> Iterator[tuple[int, int]]:
    """Start and end of the windows of a contig."""
    count = max(1, round(length_bp / size_bp))
    for number in range(count):
        yield number * length_bp // count, (number + 1) * length_bp // count
