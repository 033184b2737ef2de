"""Report of a collection as a page: map, groups, suspects, names, duplicates, identity, heatmap, taxonomy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from genome_index.collection.map import Map
from genome_index.collection.similarity_matrix import Matrix
from genome_index.collection.species_borders import Identities
from genome_index.collection.summary import Collection
from genome_index.index.index import Index
from genome_index.report.calls import made_with
from genome_index.report.collection_tables import Line, Tables
from genome_index.report.figures.heatmap import cells_of, heatmap_svg
from genome_index.report.figures.identity import identity_svg
from genome_index.report.html import texts
from genome_index.report.html.document import Figure, Page, Section, Table
from genome_index.report.html.map import map_block
from genome_index.report.html.taxonomy import sunburst
from genome_index.taxonomy.name_tree import Counts


@dataclass(frozen=True)
class Numbers:
    """The numbers behind the figures."""

    mapped: Map
    matrix: Matrix
    identities: Identities
    counts: Counts


def collection_page(
    index: Index, collection: Collection, lines: Tables, summary: Sequence[str], numbers: Numbers
) -> Page:
    """The page, from the tables, sentences and numbers of the report."""
    tables = {name: _table(name, lines[name]) for name in texts.NOTHING}
    mapped = map_block(index, numbers.mapped, groups=_group_names(collection))
    shown = texts.of_heatmap(len(numbers.matrix.ids), len(collection.ids))
    borders = texts.of_identity(numbers.identities)
    about_groups = texts.of_groups(collection.choice.rank, _ani(collection))
    sections = [
        Section("map", "Map", texts.MAP[numbers.mapped.by], mapped),
        Section("groups", "Groups", about_groups, tables["groups"]),
        Section("differences", "Groups and names", texts.DIFFERENCES, tables["differences"]),
        Section("suspects", "Suspects", texts.SUSPECTS, tables["suspects"]),
        Section("interleaved", "Interleaved names", texts.INTERLEAVED, tables["interleaved_names"]),
        Section("duplicates", "Duplicates", texts.DUPLICATES, tables["duplicates"]),
        Section("identity", "Identity", borders, _identity(numbers.identities)),
        Section("heatmap", "All against all", shown, _heatmap(numbers.matrix)),
        Section("taxonomy", "Taxonomy", texts.TAXONOMY, sunburst(numbers.counts)),
    ]
    return Page(
        f"The genomes of {index.path.name}", [_sentence(line) for line in summary], _in_numbers(collection),
        sections, made_with(collection.provenance, index.snapshot.created),
    )  # fmt: skip


def _identity(identities: Identities) -> Figure:
    from markupsafe import Markup

    return Figure(Markup(identity_svg(identities)), "Histograms of ANI within and between species.")


def _heatmap(matrix: Matrix) -> Figure:
    from markupsafe import Markup

    text = f"Heatmap of {len(matrix.ids):,} genomes: ANI above the diagonal, similarity below it."
    return Figure(Markup(heatmap_svg(matrix)), text, cells_of(matrix))


def _sentence(line: str) -> str:
    return f"{line[0].upper()}{line[1:]}."


def _ani(collection: Collection) -> float | None:
    """ANI of the threshold of the groups in percent; None for groups made by score."""
    by_identity = collection.choice.ani is not None or collection.choice.rank == "species"
    return 100 - collection.grouping.threshold if by_identity else None


def _in_numbers(collection: Collection) -> Sequence[tuple[str, str]]:
    agreed = collection.agreement
    parts = {
        "adjusted Rand index": agreed.rand,
        "V-measure": agreed.v_measure,
        "silhouette of names": agreed.silhouette,
    }
    return [
        ("genomes", f"{len(collection.ids):,}"),
        ("groups", f"{len(collection.groups):,}"),
        (f"names at {collection.choice.rank}", f"{len({name for name in collection.names if name}):,}"),
        *((what, f"{value:.3f}") for what, value in parts.items() if value is not None),
        ("suspects", f"{len(collection.audit.suspects):,}"),
        ("sets of duplicates", f"{len(collection.audit.duplicates):,}"),
    ]


def _group_names(collection: Collection) -> list[str | None]:
    """The group of each genome for the map: number and commonest name, None for groups of one; (L,)."""
    names = [
        f"{group.number + 1}: {group.names[0][0]}" if group.names else f"{group.number + 1}"
        for group in collection.groups
    ]
    sizes = np.bincount(collection.grouping.number)
    return [names[at] if sizes[at] > 1 else None for at in collection.grouping.number.tolist()]


def _table(name: str, lines: Sequence[Line]) -> Table:
    head, *rows = lines
    return Table(tuple(str(column).replace("_", " ") for column in head), rows, texts.NOTHING[name])
