"""The report of a collection as a page: map, groups, what differs from the names, suspects, taxonomy."""

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
from genome_index.report.html import texts as words
from genome_index.report.html.document import Figure, Page, Section, Table
from genome_index.report.html.heatmap import heatmap_chart
from genome_index.report.html.identity import identity_chart
from genome_index.report.html.map import map_block
from genome_index.report.html.taxonomy import sunburst_chart
from genome_index.taxonomy.name_tree import Counts


@dataclass(frozen=True)
class Numbers:
    """What the figures show."""

    mapped: Map
    matrix: Matrix
    identities: Identities
    counts: Counts


def collection_page(
    index: Index, found: Collection, lines: Tables, summary: Sequence[str], numbers: Numbers
) -> Page:
    """All that the report says, for people: its tables, sentences and figures."""
    tables = {name: _table(name, lines[name]) for name in words.NOTHING}
    mapped = map_block(index, numbers.mapped, groups=_group_names(found))
    shown = words.of_heatmap(len(numbers.matrix.ids), len(found.ids))
    borders = words.of_identity(numbers.identities)
    sections = [
        Section("map", "Map", words.MAP[numbers.mapped.by], mapped),
        Section("groups", "Groups", words.of_groups(found.choice.rank, _ani(found)), tables["groups"]),
        Section("differences", "Groups and names", words.DIFFERENCES, tables["differences"]),
        Section("suspects", "To look at", words.SUSPECTS, tables["suspects"]),
        Section("duplicates", "Duplicates", words.DUPLICATES, tables["duplicates"]),
        Section("identity", "Identity", borders, Figure.of(identity_chart(numbers.identities))),
        Section("heatmap", "All against all", shown, Figure.of(heatmap_chart(numbers.matrix))),
        Section("taxonomy", "Taxonomy", words.TAXONOMY, Figure.of(sunburst_chart(numbers.counts))),
    ]
    return Page(
        f"What {index.path.name} holds", [_sentence(line) for line in summary], _in_numbers(found),
        sections, made_with(found.provenance, index.snapshot.created),
    )  # fmt: skip


def _sentence(line: str) -> str:
    return f"{line[0].upper()}{line[1:]}."


def _ani(found: Collection) -> float | None:
    """The identity that groups ask for, percent; None where they were made by score."""
    by_identity = found.choice.ani is not None or found.choice.rank == "species"
    return 100 - found.grouping.threshold if by_identity else None


def _in_numbers(found: Collection) -> Sequence[tuple[str, str]]:
    agreed = found.agreement
    parts = {
        "adjusted Rand index": agreed.rand,
        "V-measure": agreed.v_measure,
        "silhouette of names": agreed.silhouette,
    }
    return [
        ("genomes", f"{len(found.ids):,}"),
        ("groups", f"{len(found.groups):,}"),
        (f"names at {found.choice.rank}", f"{len({name for name in found.names if name}):,}"),
        *((what, f"{value:.3f}") for what, value in parts.items() if value is not None),
        ("to look at", f"{len(found.audit.suspects):,}"),
        ("sets of duplicates", f"{len(found.audit.duplicates):,}"),
    ]


def _group_names(found: Collection) -> list[str | None]:
    """For the map: groups of several genomes by their number and commonest name; (L,)."""
    names = [
        f"{one.number + 1}: {one.names[0][0]}" if one.names else f"{one.number + 1}" for one in found.groups
    ]
    sizes = np.bincount(found.grouping.number)
    return [names[at] if sizes[at] > 1 else None for at in found.grouping.number.tolist()]


def _table(name: str, lines: Sequence[Line]) -> Table:
    head, *rows = lines
    return Table(tuple(str(column).replace("_", " ") for column in head), rows, words.NOTHING[name])
