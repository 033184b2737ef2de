"""Calls as TSV, JSON or JSON lines; the JSON is a contract for programs (schemas/call.schema.json)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from genome_index.index.calibration.hits import KMER_FLOOR
from genome_index.io import tsv
from genome_index.records import Call, Component, Evidence, Hit, Lineage, rounded, rounded_ani

JSON_VERSION = 2  # of call.schema.json; raised when a field changes its meaning or goes

COLUMNS = (
    "query", "verdict", "rank", "name", "confidence",
    "closest", "closest_species", "similarity", "ani", "af_query", "af_reference",
    "runner_up", "runner_up_species", "runner_up_ani",
    "next_rank", "length_bp", "warnings", "reason", "source", "components", "unexplained",
)  # fmt: skip


def call_json(call: Call, made_by: Mapping[str, Any]) -> dict[str, Any]:
    """One call as JSON by call.schema.json."""
    return {"version": JSON_VERSION, **call.to_dict(), "provenance": dict(made_by)}


def call_of(document: Mapping[str, Any]) -> Call:
    """The call of a JSON document by call.schema.json, with its rounded numbers."""
    return Call(
        query=document["query"],
        source=document["source"],
        length_bp=document["length_bp"],
        verdict=document["verdict"],
        reason=document["reason"],
        rank=document["rank"],
        name=document["name"],
        lineage=Lineage(document["lineage"]),
        confidence=document["confidence"],
        closest=_hit_of(document["closest"]) if document["closest"] else None,
        runner_up=_hit_of(document["runner_up"]) if document["runner_up"] else None,
        next_rank=document["next_rank"],
        members=tuple(document["members"]),
        labels={label: (value["name"], value["confidence"]) for label, value in document["labels"].items()},
        hits=tuple(_hit_of(hit) for hit in document["hits"]),
        warnings=tuple(document["warnings"]),
        components=tuple(_component_of(part) for part in document.get("components", ())),
        unexplained=document.get("unexplained"),  # stored calls of gindex 0.2.0 lack both
    )


def _component_of(document: Mapping[str, Any]) -> Component:
    return Component(document["name"], document["rank"], document["share"], document["identity"])


def _hit_of(document: Mapping[str, Any]) -> Hit:
    evidence = Evidence(
        document["ani"], document["af_query"], document["af_reference"], document["ani_reason"]
    )
    return Hit(
        document["id"], Lineage(document["lineage"]), document["labels"], document["similarity"],
        document["kmer_identity"], evidence,
    )  # fmt: skip


def as_json(calls: Iterable[Call], made_by: Mapping[str, Any]) -> Iterator[str]:
    """One JSON array, streamed."""
    return json_array(call_json(call, made_by) for call in calls)


def json_array(documents: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The text of one JSON array in pieces, each document on a line of its own."""
    yield "["
    for number, document in enumerate(documents):
        yield (",\n" if number else "\n") + json.dumps(document, ensure_ascii=False)
    yield "\n]\n"


def as_jsonl(calls: Iterable[Call], made_by: Mapping[str, Any]) -> Iterator[str]:
    for call in calls:
        yield json.dumps(call_json(call, made_by), ensure_ascii=False) + "\n"


def as_tsv(calls: Iterable[Call], made_by: Mapping[str, Any]) -> Iterator[str]:
    """A header and one row for each call; `made_by` is only in the JSON."""
    yield tsv.row(COLUMNS)
    yield from tsv.rows(map(row_of, calls))


def row_of(call: Call) -> tuple[object, ...]:
    """The values of COLUMNS."""
    near, other = call.closest, call.runner_up
    return (
        call.query, call.verdict, call.rank, call.name, rounded(call.confidence, 3),
        *((near.id, near.species, round(near.similarity, 4), *identity(near)) if near else (None,) * 6),
        *((other.id, other.species, rounded_ani(other.evidence.ani)) if other else (None,) * 3),
        call.next_rank, call.length_bp, "; ".join(call.warnings), call.reason, call.source,
        components_text(call), rounded(call.unexplained, 3),
    )  # fmt: skip


def components_text(call: Call) -> str:
    """The parts of other species, the largest first: '30% Fictusb primus; 2% Fictusc primus'."""
    return "; ".join(f"{round(part.share, 3):.1%} {part.name}" for part in call.components)


def kmer_identity_percent(hit: Hit) -> float | None:
    """Identity by shared k-mers in percent; None without a shared k-mer."""
    shared = round(hit.kmer_identity, 4)  # as in the JSON; the floor as float32 is slightly above KMER_FLOOR
    return 100 * hit.kmer_identity if shared > KMER_FLOOR else None


FORMATS = {"tsv": as_tsv, "json": as_json, "jsonl": as_jsonl}


def made_with(made_by: Mapping[str, Any], created: str) -> str:
    """Version, snapshot and taxonomy in one line; `created` is the time of the snapshot."""
    taxonomy = f", taxonomy {made_by['taxonomy_release']}" if made_by["taxonomy_release"] else ""
    return (
        f"Made by gindex {made_by['gindex_version']} from snapshot {made_by['snapshot']} of {created} "
        f"(fingerprint {made_by['index_fingerprint']}{taxonomy})."
    )


def identity(hit: Hit) -> tuple[float | None, ...]:
    """ANI, and aligned fraction of the query and of the reference: percent, rounded for display."""
    evidence = hit.evidence
    return rounded_ani(evidence.ani), rounded(evidence.af_query, 1), rounded(evidence.af_reference, 1)
