"""What the report of a collection says: rows for TSV, JSON and a page, and a few lines for a terminal."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from genome_index.collection.summary import Collection
from genome_index.io import tsv
from genome_index.io.atomic import disk_errors, write_file
from genome_index.records import counted

JSON_VERSION = 1
MOST_LISTED = 20  # names of a group, or groups of a name, in one cell
Line = Sequence[object]
Tables = Mapping[str, Sequence[Line]]


def tables_of(found: Collection) -> Tables:
    """Every table of the report by its name; its first line names the columns."""
    return {
        "groups": list(_group_lines(found)),
        "members": list(_member_lines(found)),
        "differences": list(_difference_lines(found)),
        "suspects": list(_suspect_lines(found)),
        "duplicates": list(_duplicate_lines(found)),
    }


def write_collection(found: Collection, tables: Tables, out: Path) -> list[Path]:
    """Write each table as a TSV, and all of them as report.json, into a folder."""
    with disk_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    written = []
    for name, lines in tables.items():
        write_file(out / f"{name}.tsv", "".join(tsv.rows(lines)).encode())
        written.append(out / f"{name}.tsv")
    write_file(out / "report.json", (json.dumps(as_json(found, tables), indent=1) + "\n").encode())
    return [*written, out / "report.json"]


def _group_lines(found: Collection) -> Iterable[Line]:
    yield ("group", "medoid", "genomes", "diameter", "nearest_group", "gap", "purity", "names")
    for one in found.groups:
        nearest = None if one.nearest is None else one.nearest + 1
        yield (
            one.number + 1, found.ids[one.medoid], len(one.members), _rounded(one.diameter), nearest,
            _rounded(one.gap), _rounded(one.purity), _listed(one.names),
        )  # fmt: skip


def _member_lines(found: Collection) -> Iterable[Line]:
    yield ("genome_id", "group", "medoid", found.choice.rank)
    for at, genome_id in enumerate(found.ids):
        number = int(found.grouping.number[at])
        medoid = found.ids[found.groups[number].medoid]
        yield (genome_id, number + 1, medoid, found.names[at] or "")


def _difference_lines(found: Collection) -> Iterable[Line]:
    """Names that span several groups, and groups that span several names."""
    yield ("kind", "name_or_group", "parts", "where")
    members: dict[str, Counter[int]] = {name: Counter() for name, _ in found.agreement.split}
    for name, number in zip(found.names, found.grouping.number.tolist(), strict=True):
        if name in members:
            members[name][number] += 1
    for name, parts in found.agreement.split:
        groups = ((f"group {number + 1}", count) for number, count in members[name].most_common())
        yield ("split", name, parts, _listed(groups))
    for number, parts in found.agreement.merged:
        yield ("merged", f"group {number + 1}", parts, _listed(found.groups[number].names))


def _suspect_lines(found: Collection) -> Iterable[Line]:
    yield ("genome_id", "kind", "says", "looks_like", "evidence")
    for one in found.audit.suspects:
        yield (one.id, one.kind, one.says, one.looks_like, one.evidence)


def _duplicate_lines(found: Collection) -> Iterable[Line]:
    yield ("kind", "genomes", "names", "ids")
    for one in found.audit.duplicates:
        kind = "exact" if one.exact else "near"
        yield (kind, len(one.ids), "; ".join(one.names), "; ".join(one.ids))


def _listed(counts: Iterable[tuple[str, int]]) -> str:
    """Names with their counts, the first MOST_LISTED of them; members.tsv has them all."""
    said = [f"{name} ({count})" for name, count in counts]
    more = [f"and {len(said) - MOST_LISTED:,} more"] if len(said) > MOST_LISTED else []
    return "; ".join([*said[:MOST_LISTED], *more])


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def as_json(found: Collection, tables: Tables) -> dict[str, Any]:
    """Everything of the tables, and the agreement with the names; see README."""
    agreed = found.agreement
    return {
        "version": JSON_VERSION,
        "provenance": found.provenance,
        "rank": found.choice.rank,
        "method": found.choice.method,
        "threshold": round(found.grouping.threshold, 4),
        "genomes": len(found.ids),
        "agreement": {
            "named": agreed.named,
            "adjusted_rand": agreed.rand,
            "v_measure": agreed.v_measure,
            "silhouette": agreed.silhouette,
            "split": dict(agreed.split),
            "merged": {str(number + 1): count for number, count in agreed.merged},
        },
        **{name: _records(lines) for name, lines in tables.items()},
    }


def _records(lines: Sequence[Line]) -> list[dict[str, Any]]:
    head, *rest = lines
    return [{str(name): value for name, value in zip(head, line, strict=True)} for line in rest]


def in_short(found: Collection) -> Iterable[str]:
    """For a reader: a few lines."""
    single = sum(len(one.members) == 1 for one in found.groups)
    yield (
        f"{counted(len(found.ids))} in {counted(len(found.groups), 'group')} at {found.choice.rank} "
        f"({_manner(found)}), {single:,} of them of one genome"
    )
    agreed = found.agreement
    if agreed.rand is not None and agreed.v_measure is not None:
        yield (
            f"against the names: adjusted Rand {agreed.rand:.3f}, V-measure {agreed.v_measure:.3f}; "
            f"{counted(len(agreed.split), 'name')} in several groups, "
            f"{counted(len(agreed.merged), 'group')} of several names"
        )
    kinds = Counter(one.kind for one in found.audit.suspects)
    listed = ", ".join(f"{count:,} for {kind}" for kind, count in kinds.items()) or "none"
    conflicts = sum(len(one.names) > 1 for one in found.audit.duplicates)
    sets = counted(len(found.audit.duplicates), "set")
    yield f"to look at: {listed}; {sets} of duplicates, {conflicts:,} of them under two names"


def _manner(found: Collection) -> str:
    linkage = found.choice.method in ("average", "complete", "single")
    return f"{found.choice.method} linkage" if linkage else found.choice.method
