"""Figures of a collection as files: heatmap, identity and taxonomy."""

from __future__ import annotations

from pathlib import Path

from genome_index.collection.similarity_matrix import (
    MOST,
    every_row_of_name,
    matrix_of,
    rows_of_collection,
    rows_of_name,
)
from genome_index.collection.species_borders import identities_of
from genome_index.errors import need_installed
from genome_index.index.index import Index
from genome_index.io.atomic import write_file
from genome_index.records import counted
from genome_index.report.export.newick import newick
from genome_index.report.figures.heatmap import heatmap_picture, title_of
from genome_index.report.figures.identity import identity_picture
from genome_index.report.figures.style import picture_path, save, theme_named
from genome_index.report.figures.taxonomy import taxonomy_picture
from genome_index.report.figures.text import shortened
from genome_index.report.figures.write_genomes import Drawn
from genome_index.taxonomy.name_tree import counts_of_entries

COLLECTION = "collection"  # name of the files about all genomes


def draw_heatmap(index: Index, out: Path, name: str = "", theme: str = "light", threads: int = 1) -> Drawn:
    """Write `NAME-heatmap` of the genomes with a name, or of those that represent the collection.

    Their tree is written beside it, as Newick.

    Raises
    ------
    UsageError
        No genome has the name, the theme is unknown, or a package of the extra is missing.
    StorageError
    """
    need_installed("gindex draw", "matplotlib", "scipy", extra="report")
    colours = theme_named(theme)
    rows = rows_of_name(index, name) if name else rows_of_collection(index)
    matrix = matrix_of(index, rows, threads)
    title, note = title_of(matrix), ""
    if name:
        total = len(every_row_of_name(index, name))
        shown = counted(total) if total == len(rows) else f"{len(rows):,} of {counted(total)}"
        title = f"{shortened(name)}  ·  {shown}"
    elif matrix.total > len(rows):
        note = f"the medoids of the {MOST} largest groups are drawn; name a taxon to see one"
        title = f"{title}, the medoids of the largest groups"
    path = picture_path(out, name or COLLECTION, "heatmap")
    paths = save(heatmap_picture(matrix, colours, title), path)
    tree = path.with_name(f"{path.name}.nwk")
    write_file(tree, "".join(newick(matrix.merges, matrix.ids)).encode())
    return Drawn(name or COLLECTION, (*paths, tree), note)


def draw_histogram(index: Index, out: Path, theme: str = "light") -> Drawn:
    """Write `collection-identity`: ANI within and between species, and the required ANI of species.

    Raises
    ------
    UsageError, StorageError
    """
    need_installed("gindex draw", "matplotlib", extra="report")
    figure = identity_picture(identities_of(index), theme_named(theme))
    return Drawn(COLLECTION, tuple(save(figure, picture_path(out, COLLECTION, "identity"))))


def draw_taxonomy(index: Index, out: Path, theme: str = "light") -> Drawn:
    """Write `collection-taxonomy`: the names of the genomes, rank by rank.

    Raises
    ------
    UsageError, StorageError
    """
    need_installed("gindex draw", "matplotlib", extra="report")
    figure = taxonomy_picture(counts_of_entries(index.catalog.entries()), theme_named(theme))
    return Drawn(COLLECTION, tuple(save(figure, picture_path(out, COLLECTION, "taxonomy"))))
