"""Figures of a query: drawn by a worker while the sequence exists, stored as JSON and PNG, shown later.

The report of `gindex query --report` is made from the stored figures and calls.
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
from genome_index.report.figures.genome.windows import GenomeWindows, Window, nearest_windows
from genome_index.report.figures.style import THEMES, ThemeName
from genome_index.report.html.document import as_html
from genome_index.report.html.query_page import Answered, query_page
from genome_index.report.html.write_query import compositions, data_urls


@dataclass(frozen=True)
class QueryFigures:
    """The stored figures of one query genome."""

    windows: GenomeWindows | None = None  # None if not requested, or the genome is not fit to be searched
    compositions: Mapping[ThemeName, bytes] = field(default_factory=dict)  # PNG; empty if not requested


def draw(index: Index, genome: Genome, call: Call, with_composition: bool) -> QueryFigures:
    """The figures of a genome and its call; a composition takes a second, the windows a tenth of that."""
    if complaint(genome):
        return QueryFigures()
    images = compositions(index, genome, call) if with_composition else {}
    return QueryFigures(nearest_windows(index, genome), images)


def windows_json(windows: GenomeWindows) -> dict[str, Any]:
    """The windows of a genome as plain values: positions in bp, 0-based and half-open, identity 0 to 1."""
    return {
        "genome": windows.genome,
        "length_bp": windows.length_bp,
        "contig_ends": windows.contig_ends,
        "windows": [asdict(window) for window in windows.windows],
    }


def windows_of(document: Mapping[str, Any]) -> GenomeWindows:
    """The windows of a genome from `windows_json`; earlier services stored them as `stripes`."""
    windows = document["windows"] if "windows" in document else document["stripes"]
    return GenomeWindows(
        document["genome"], document["length_bp"], tuple(document["contig_ends"]),
        tuple(Window(**window) for window in windows),
    )  # fmt: skip


def stored_figures(rows: Sequence[sqlite3.Row], calls: int) -> list[QueryFigures | None]:
    """The figures of a job, one for each call, from rows of the table `pictures`."""
    figures: list[QueryFigures | None] = [None] * calls
    for row in rows:
        images = {"light": row["portrait_light"], "dark": row["portrait_dark"]}
        compositions = {theme: images[theme] for theme in THEMES if images[theme] is not None}
        windows = windows_of(json.loads(row["painting"])) if row["painting"] else None
        figures[row["number"]] = QueryFigures(windows, compositions)
    return figures


def report_html(
    index: Index, calls: Sequence[Mapping[str, Any]], figures: Sequence[QueryFigures | None],
    mapped: Map | None = None,
) -> str:  # fmt: skip
    """The HTML of `gindex query --report`, from calls as JSON by call.schema.json and their figures.

    Numbers on the page are rounded twice: in the JSON and on the page. `mapped` is the map of the index, made
    if it is not given.
    """
    answered = [
        Answered(call_of(call), one.windows, data_urls(one.compositions)) if one else Answered(call_of(call))
        for call, one in zip(calls, figures, strict=True)
    ]
    return as_html(query_page(index, answered, mapped or map_of(index), calls))
