"""`gindex report`: a collection as an HTML page, tables, and figures as PNG and SVG."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from genome_index.collection.map import map_of
from genome_index.collection.similarity_matrix import chosen_rows, matrix_of
from genome_index.collection.species_borders import identities_of
from genome_index.collection.summary import Choice, Collection, summary_of
from genome_index.errors import need_installed
from genome_index.index.index import Index
from genome_index.index.neighbours import live_rows
from genome_index.io.atomic import write_file
from genome_index.records import Progress, quiet
from genome_index.report.collection_tables import summary_lines, tables_of, write_collection
from genome_index.report.export.newick import newick
from genome_index.report.figures.heatmap import heatmap_picture
from genome_index.report.figures.identity import identity_picture
from genome_index.report.figures.map import map_picture, view_of
from genome_index.report.figures.style import Theme, save, theme_named
from genome_index.report.figures.taxonomy import taxonomy_picture
from genome_index.report.html.collection_page import Numbers, collection_page
from genome_index.report.html.document import as_html
from genome_index.taxonomy.name_tree import counts_of_entries

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class WrittenReport:
    """The summary of a collection and the written files, the page first."""

    collection: Collection
    summary: tuple[str, ...]  # a few sentences
    paths: tuple[Path, ...]


def write_report(
    index: Index, choice: Choice, out: Path, theme: str = "light", threads: int = 1,
    progress: Progress = quiet,
) -> WrittenReport:  # fmt: skip
    """Write report.html, TSV and JSON of all its tables, and its figures, into a folder.

    Raises
    ------
    UsageError
        A package of the extra `report` is missing, or the rank, method or theme is unknown.
    StorageError
    """
    need_installed("gindex report", "jinja2", "matplotlib", "umap", extra="report")
    colours = theme_named(theme)
    collection = summary_of(index, choice, progress)
    numbers = _numbers(index, collection, threads, progress)
    progress.stage("writing", 0, 1)
    lines, summary = tables_of(collection), tuple(summary_lines(collection))
    tables = write_collection(collection, lines, out)
    page, tree = out / "report.html", out / "heatmap.nwk"
    write_file(page, as_html(collection_page(index, collection, lines, summary, numbers)).encode())
    write_file(tree, "".join(newick(numbers.matrix.merges, numbers.matrix.ids)).encode())
    pictures = [
        path for name, figure in _figures(index, numbers, colours) for path in save(figure, out / name)
    ]
    return WrittenReport(collection, summary, (page, *tables, tree, *pictures))


def _numbers(index: Index, collection: Collection, threads: int, progress: Progress) -> Numbers:
    mapped = map_of(index, progress=progress)
    progress.stage("comparing all with all, of those in the heatmap", 0, 1)
    matrix = matrix_of(index, chosen_rows(live_rows(index), collection.groups), threads)
    return Numbers(mapped, matrix, identities_of(index), counts_of_entries(index.catalog.entries()))


def _figures(index: Index, numbers: Numbers, theme: Theme) -> Iterator[tuple[str, Figure]]:
    """Each figure with its name, one at a time."""
    yield "map", map_picture(view_of(index, numbers.mapped), theme)
    yield "identity", identity_picture(numbers.identities, theme)
    yield "heatmap", heatmap_picture(numbers.matrix, theme)
    yield "taxonomy", taxonomy_picture(numbers.counts, theme)
