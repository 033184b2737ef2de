"""Taxonomy for the page: the tree of names as a sunburst, which opens where the reader clicks."""

from __future__ import annotations

from genome_index.report.figures.style import THEMES
from genome_index.report.figures.taxonomy import colours_of_nodes
from genome_index.report.figures.text import ink_on, shortened
from genome_index.report.html import document
from genome_index.taxonomy.name_tree import JOINED, Counts, thinned

MOST = 3_000  # names; more cannot be told apart
FEW = 400  # up to so many names all rings are shown at once; of more RINGS
RINGS = 2


def sunburst(counts: Counts) -> document.Sunburst:
    """The data of sunburst.js: one sector for each name, as wide as the share of its genomes or inputs."""
    shown = thinned(counts, MOST)
    colours = colours_of_nodes(shown, THEMES["light"])
    data = {
        "labels": [shortened(label) for label in shown.labels],
        "parents": list(shown.parents),  # -1 of the root
        "counts": list(shown.counts),
        "ranks": [_rank_text(rank, shown) for rank in shown.ranks],
        "colours": colours,
        "inks": [ink_on(colour) for colour in colours],
        "start": _first_branching(shown),
        "rings": None if len(shown.labels) <= FEW else RINGS,
    }
    return document.Sunburst(data, f"The names of {shown.labels[0]} as rings, broad ranks inside.")


def _first_branching(shown: Counts) -> int:
    """The first name with several names below it; the root if there is none."""
    first = shown.branches.count(-1) - 1
    return first if first in shown.parents else 0


def _rank_text(rank: str, shown: Counts) -> str:
    return f"names of fewer than {shown.least:,}" if rank == JOINED else rank or "all"
