"""Summary of a collection: groups, their agreement with the names, suspects and duplicates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from genome_index.collection.cluster_stats import Agreement, Group, agreement, groups_of
from genome_index.collection.clusters import Grouping, group
from genome_index.collection.duplicates import Audit, audit
from genome_index.errors import need_installed
from genome_index.index.index import Index
from genome_index.index.info import provenance
from genome_index.index.neighbours import live_rows, neighbour_hits
from genome_index.records import Progress, quiet
from genome_index.taxonomy.levels import name_of


@dataclass(frozen=True)
class Choice:
    """How a collection is grouped."""

    rank: str = "species"
    ani: float | None = None  # percent; None for the threshold of the rank
    method: str = "average"


@dataclass(frozen=True)
class Collection:
    """The numbers of a report."""

    choice: Choice
    ids: list[str]  # of the live genomes, (L,)
    names: list[str | None]  # at the grouped rank
    grouping: Grouping
    groups: list[Group]
    agreement: Agreement
    audit: Audit
    provenance: dict[str, Any]


def summary_of(index: Index, choice: Choice, progress: Progress = quiet) -> Collection:
    """Group and audit the genomes of an index.

    Raises
    ------
    UsageError
    """
    leiden = ("igraph",) if choice.method == "leiden" else ()
    need_installed("gindex report", "scipy", "sklearn", *leiden, extra="report")
    rows = live_rows(index)
    hits = neighbour_hits(index, rows)
    progress.stage("grouping", 0, 1)
    grouping = group(index.model, rows, hits, choice.rank, choice.ani, choice.method)
    entries = index.catalog.entries()
    names = [name_of(entry, choice.rank) for entry in entries]
    level = index.model.levels.get(choice.rank)
    progress.stage("comparing groups with names", 0, 1)
    agreed = agreement(grouping, level, rows, index.model.vectors.rows()[rows])
    progress.stage("looking for duplicates", 0, 1)
    audited = audit(index, rows, hits)
    ids = [entry.id for entry in entries]
    return Collection(
        choice, ids, names, grouping, groups_of(grouping, names), agreed, audited, provenance(index)
    )
