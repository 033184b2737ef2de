"""A query's pictures as values that outlive its sequence, and what is made of them when somebody asks.

A worker paints a genome and draws its portrait while the sequence is there; JSON and PNG are kept beside the
answer. From these, and the answer's own JSON, comes the page that `gindex query --report` writes.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from genome_index.collection.map import Map, map_of
from genome_index.index.index import Index
from genome_index.io.quality import complaint
from genome_index.records import Call, Genome
from genome_index.report.calls import call_of
from genome_index.report.figures.genome.windows import Painting, Stripe, painting
from genome_index.report.figures.style import THEMES, ThemeName
from genome_index.report.html.document import as_html
from genome_index.report.html.query_page import Answered, query_page
from genome_index.report.html.write_query import data_urls
from genome_index.report.html.write_query import portraits as portraits_of


@dataclass(frozen=True)
class Drawn:
    """What is kept of one query besides its call."""

    painting: Painting | None = None  # None: not asked for, or the genome is not fit to be searched
    portraits: Mapping[ThemeName, bytes] = field(default_factory=dict)  # PNG; none if not asked for


def drawn(index: Index, genome: Genome, call: Call, portraits: bool) -> Drawn:
    """The pictures of a genome that was called; portraits take a second, a painting a tenth of it."""
    if complaint(genome):
        return Drawn()
    return Drawn(painting(index, genome), portraits_of(index, genome, call) if portraits else {})


def painting_json(painted: Painting) -> dict[str, Any]:
    """A painting as plain values: positions in bp, 0-based and half-open, identity from 0 to 1."""
    return asdict(painted)


def painting_of(found: Mapping[str, Any]) -> Painting:
    """The painting that these values tell of."""
    stripes = tuple(Stripe(**stripe) for stripe in found["stripes"])
    return Painting(found["genome"], found["length_bp"], tuple(found["contig_ends"]), stripes)


def kept_drawings(rows: Sequence[sqlite3.Row], calls: int) -> list[Drawn | None]:
    """What the service's file holds of a job's pictures, one for each call: number, painting, portraits."""
    found: list[Drawn | None] = [None] * calls
    for row in rows:
        content = {"light": row["portrait_light"], "dark": row["portrait_dark"]}
        portraits = {theme: content[theme] for theme in THEMES if content[theme] is not None}
        painted = painting_of(json.loads(row["painting"])) if row["painting"] else None
        found[row["number"]] = Drawn(painted, portraits)
    return found


def report_of(
    index: Index, calls: Sequence[Mapping[str, Any]], pictures: Sequence[Drawn | None],
    mapped: Map | None = None,
) -> str:  # fmt: skip
    """The HTML of `gindex query --report`, from calls by the JSON contract and what was drawn of each.

    The numbers on the page are the rounded ones of the contract, rounded once more; `mapped` is the map of
    the index, where it is at hand.
    """
    answered = [
        Answered(call_of(call), one.painting, data_urls(one.portraits)) if one else Answered(call_of(call))
        for call, one in zip(calls, pictures, strict=True)
    ]
    return as_html(query_page(index, answered, mapped or map_of(index), calls))
