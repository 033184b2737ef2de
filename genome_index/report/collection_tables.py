"""Tables of the report of a collection: rows for TSV, JSON and a page, and a summary for a terminal."""

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

JSON_VERSION = 2  # of collection.schema.json; raised when a field changes its meaning or goes
MOST_LISTED = 20  # names of a group, or groups of a name, in one cell
Line = Sequence[object]
Tables = Mapping[str, Sequence[Line]]


def tables_of(collection: Collection) -> Tables:
    """Every table of the report by its name; the first line has the names of the columns."""
    return {
        "groups": list(_group_lines(collection)),
        "members": list(_member_lines(collection)),
        "differences": list(_difference_lines(collection)),
        "suspects": list(_suspect_lines(collection)),
        "interleaved_names": list(_interleaved_lines(collection)),
        "duplicates": list(_duplicate_lines(collection)),
    }


def write_collection(collection: Collection, tables: Tables, out: Path) -> list[Path]:
    """Write each table as a TSV, and all of them as report.json, into a folder."""
    with disk_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    written = []
    for name, lines in tables.items():
        write_file(out / f"{name}.tsv", "".join(tsv.rows(lines)).encode())
        written.append(out / f"{name}.tsv")
    write_file(out / "report.json", (json.dumps(as_json(collection, tables), indent=1) + "\n").encode())
    return [*written, out / "report.json"]


def _group_lines(collection: Collection) -> Iterable[Line]:
    yield ("group", "medoid", "genomes", "diameter", "nearest_group", "gap", "purity", "names")
    for one in collection.groups:
        nearest = None if one.nearest is None else one.nearest + 1
        yield (
            one.number + 1, collection.ids[one.medoid], len(one.members), _rounded(one.diameter), nearest,
            _rounded(one.gap), _rounded(one.purity), _listed(one.names),
        )  # fmt: skip


def _member_lines(collection: Collection) -> Iterable[Line]:
    yield ("genome_id", "group", "medoid", collection.choice.rank)
    for at, genome_id in enumerate(collection.ids):
        number = int(collection.grouping.number[at])
        medoid = collection.ids[collection.groups[number].medoid]
        yield (genome_id, number + 1, medoid, collection.names[at] or "")


def _difference_lines(collection: Collection) -> Iterable[Line]:
    """Names in several groups, and groups with several names."""
    yield ("kind", "name_or_group", "parts", "where")
    members: dict[str, Counter[int]] = {name: Counter() for name, _ in collection.agreement.split}
    for name, number in zip(collection.names, collection.grouping.number.tolist(), strict=True):
        if name in members:
            members[name][number] += 1
    for name, parts in collection.agreement.split:
        groups = ((f"group {number + 1}", count) for number, count in members[name].most_common())
        yield ("split", name, parts, _listed(groups))
    for number, parts in collection.agreement.merged:
        yield ("merged", f"group {number + 1}", parts, _listed(collection.groups[number].names))


def _suspect_lines(collection: Collection) -> Iterable[Line]:
    yield ("genome_id", "kind", "label", "looks_like", "evidence")
    for suspect in collection.audit.suspects:
        yield (suspect.id, suspect.kind, suspect.says, suspect.looks_like, suspect.evidence)


def _interleaved_lines(collection: Collection) -> Iterable[Line]:
    """Pairs of names that look like one."""
    yield ("rank", "name", "other_name", "genomes", "other_genomes", "ani", "evidence")
    for one in collection.audit.interleaved:
        yield (one.rank, one.name, one.other, one.genomes, one.others, one.ani, one.sentence)


def _duplicate_lines(collection: Collection) -> Iterable[Line]:
    yield ("kind", "genomes", "names", "ids")
    for one in collection.audit.duplicates:
        kind = "exact" if one.exact else "near"
        yield (kind, len(one.ids), "; ".join(one.names), "; ".join(one.ids))


def _listed(counts: Iterable[tuple[str, int]]) -> str:
    """Names with their counts, the first MOST_LISTED of them; members.tsv has them all."""
    names = [f"{name} ({count})" for name, count in counts]
    more = [f"and {len(names) - MOST_LISTED:,} more"] if len(names) > MOST_LISTED else []
    return "; ".join([*names[:MOST_LISTED], *more])


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def as_json(collection: Collection, tables: Tables) -> dict[str, Any]:
    """All tables, and the agreement with the names, by collection.schema.json."""
    agreed = collection.agreement
    return {
        "version": JSON_VERSION,
        "provenance": collection.provenance,
        "rank": collection.choice.rank,
        "method": collection.choice.method,
        "threshold": round(collection.grouping.threshold, 4),
        "genomes": len(collection.ids),
        "agreement": {
            "named_genomes": agreed.named,
            "adjusted_rand_index": agreed.rand,
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


def summary_lines(collection: Collection) -> Iterable[str]:
    """The summary: a few lines for people."""
    single, groups = sum(len(one.members) == 1 for one in collection.groups), len(collection.groups)
    yield (
        f"{counted(len(collection.ids))} in {counted(groups, 'group')} at {collection.choice.rank} "
        f"({_manner(collection)}), {single:,} of them of one genome"
    )
    agreed = collection.agreement
    if agreed.rand is not None and agreed.v_measure is not None:
        yield (
            f"against the names: adjusted Rand {agreed.rand:.3f}, V-measure {agreed.v_measure:.3f}; "
            f"{counted(len(agreed.split), 'name')} in several groups, "
            f"{counted(len(agreed.merged), 'group')} of several names"
        )
    kinds = Counter(one.kind for one in collection.audit.suspects)
    suspects = ", ".join(f"{count:,} for {kind}" for kind, count in kinds.items()) or "none"
    conflicts = sum(len(one.names) > 1 for one in collection.audit.duplicates)
    sets = counted(len(collection.audit.duplicates), "set")
    yield f"suspects: {suspects}; {sets} of duplicates, {conflicts:,} of them with two names"
    if pairs := collection.audit.interleaved:
        more = f"; and {len(pairs) - 1:,} more pairs" if len(pairs) > 1 else ""
        yield f"interleaved names: {pairs[0].sentence}{more}"


def _manner(collection: Collection) -> str:
    linkage = collection.choice.method in ("average", "complete", "single")
    return f"{collection.choice.method} linkage" if linkage else collection.choice.method
