"""The report of a collection: groups, how they agree with the names, and what looks wrong. Rows and JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genome_index.audit import Audit, audit
from genome_index.durable import disk_errors, write_file
from genome_index.extras import need_installed
from genome_index.groups import Grouping, group
from genome_index.groupstats import Agreement, Group, agreement, groups_of
from genome_index.index import Index
from genome_index.kept import kept_hits, live_rows
from genome_index.progress import Progress, quiet
from genome_index.records import counted
from genome_index.report import provenance

JSON_VERSION = 1
Line = Sequence[object]


@dataclass(frozen=True)
class Choice:
    """How a collection is grouped."""

    rank: str = "species"
    ani: float | None = None  # percent; the rank's own threshold if not given
    method: str = "average"


@dataclass(frozen=True)
class Collection:
    """All that the report says."""

    choice: Choice
    ids: list[str]  # of the live genomes, (L,)
    names: list[str | None]  # at the grouped rank
    grouping: Grouping
    groups: list[Group]
    agreement: Agreement
    audit: Audit
    provenance: dict[str, Any]


def look_at(index: Index, choice: Choice, progress: Progress = quiet) -> Collection:
    """Group and audit the genomes of an index.

    Raises
    ------
    UsageError
    """
    leiden = ("igraph",) if choice.method == "leiden" else ()
    need_installed("gindex report", "scipy", "sklearn", *leiden, extra="report")
    rows = live_rows(index)
    hits = kept_hits(index, rows)
    progress("grouping", 0, 1)
    grouping = group(index.model, rows, hits, choice.rank, choice.ani, choice.method)
    entries = index.catalog.entries()
    names = [entry.lineage.name(choice.rank) for entry in entries]
    level = index.model.levels.get(choice.rank)
    progress("comparing groups with names", 0, 1)
    agreed = agreement(grouping, level, rows, index.model.vectors.rows()[rows])
    progress("looking for what is wrong", 0, 1)
    found = audit(index, rows, hits)
    ids = [entry.id for entry in entries]
    return Collection(
        choice, ids, names, grouping, groups_of(grouping, names), agreed, found, provenance(index)
    )


def write_collection(found: Collection, out: Path) -> list[Path]:
    """Write groups.tsv, members.tsv, suspects.tsv, duplicates.tsv and report.json into a folder."""
    with disk_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    tables = {
        "groups.tsv": _group_lines(found),
        "members.tsv": _member_lines(found),
        "suspects.tsv": _suspect_lines(found),
        "duplicates.tsv": _duplicate_lines(found),
    }
    written = []
    for name, lines in tables.items():
        write_file(out / name, _tsv(lines).encode())
        written.append(out / name)
    write_file(out / "report.json", (json.dumps(as_json(found), indent=1) + "\n").encode())
    return [*written, out / "report.json"]


def _tsv(lines: Iterable[Line]) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter="\t", lineterminator="\n").writerows(lines)
    return text.getvalue()


def _group_lines(found: Collection) -> Iterable[Line]:
    yield ("group", "medoid", "genomes", "diameter", "nearest_group", "gap", "purity", "names")
    for one in found.groups:
        names = "; ".join(f"{name} ({count})" for name, count in one.names)
        nearest = "" if one.nearest is None else one.nearest + 1
        yield (
            one.number + 1, found.ids[one.medoid], len(one.members), _number(one.diameter), nearest,
            _number(one.gap), _number(one.purity), names,
        )  # fmt: skip


def _member_lines(found: Collection) -> Iterable[Line]:
    yield ("genome_id", "group", "medoid", found.choice.rank)
    for at, genome_id in enumerate(found.ids):
        number = int(found.grouping.number[at])
        medoid = found.ids[found.groups[number].medoid]
        yield (genome_id, number + 1, medoid, found.names[at] or "")


def _suspect_lines(found: Collection) -> Iterable[Line]:
    yield ("genome_id", "kind", "says", "looks_like", "evidence")
    for one in found.audit.suspects:
        yield (one.id, one.kind, one.says, one.looks_like, one.evidence)


def _duplicate_lines(found: Collection) -> Iterable[Line]:
    yield ("kind", "genomes", "names", "ids")
    for one in found.audit.duplicates:
        kind = "exact" if one.exact else "near"
        yield (kind, len(one.ids), "; ".join(one.names), "; ".join(one.ids))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def as_json(found: Collection) -> dict[str, Any]:
    """Everything of the tables, and the agreement with the names; see README."""
    agreed = found.agreement
    return {
        "version": JSON_VERSION,
        "provenance": found.provenance,
        "rank": found.choice.rank,
        "method": found.choice.method,
        "threshold": round(found.grouping.threshold, 4),
        "genomes": len(found.ids),
        "groups": _records(_group_lines(found)),
        "members": _records(_member_lines(found)),
        "agreement": {
            "named": agreed.named,
            "adjusted_rand": agreed.rand,
            "v_measure": agreed.v_measure,
            "silhouette": agreed.silhouette,
            "split": dict(agreed.split),
            "merged": {str(number + 1): count for number, count in agreed.merged},
        },
        "suspects": _records(_suspect_lines(found)),
        "duplicates": _records(_duplicate_lines(found)),
    }


def _records(lines: Iterable[Line]) -> list[dict[str, Any]]:
    head, *rest = lines
    return [{str(name): value for name, value in zip(head, line, strict=True)} for line in rest]


def in_short(found: Collection) -> Iterable[str]:
    """For a reader: a few lines."""
    single = sum(len(one.members) == 1 for one in found.groups)
    yield (
        f"{len(found.ids):,} genomes in {len(found.groups):,} groups at {found.choice.rank} "
        f"({found.choice.method} linkage), {single:,} of them of one genome"
    )
    agreed = found.agreement
    if agreed.rand is not None and agreed.v_measure is not None:
        yield (
            f"against the names: adjusted Rand {agreed.rand:.3f}, V-measure {agreed.v_measure:.3f}; "
            f"{len(agreed.split):,} names in several groups, {len(agreed.merged):,} groups of several names"
        )
    kinds: dict[str, int] = {}
    for one in found.audit.suspects:
        kinds[one.kind] = kinds.get(one.kind, 0) + 1
    listed = ", ".join(f"{count:,} for {kind}" for kind, count in kinds.items()) or "none"
    conflicts = sum(len(one.names) > 1 for one in found.audit.duplicates)
    sets = counted(len(found.audit.duplicates), "set")
    yield f"to look at: {listed}; {sets} of duplicates, {conflicts:,} of them under two names"
