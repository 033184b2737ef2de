"""Reference warnings: calls that rest on a suspect reference, or on one of two interleaved names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from genome_index.classify import reasons
from genome_index.classify.decision import Verdict
from genome_index.index.calibration.hits import Hits
from genome_index.index.index import Index
from genome_index.records import Call, InterleavedNames

SUSPECT_KINDS = ("label", "mixture", "contigs")  # these make a name doubtful; an unusual length does not
NO_CALLS = ("failed", "qc_fail", "out_of_scope")


def with_reference_warning(index: Index, call: Call, hits: Hits, query: int, verdict: Verdict) -> Call:
    """The same call, with a warning if a reference that it rests on is suspect."""
    if call.verdict in NO_CALLS:
        return call
    for role, row in _references(hits, query, verdict):
        for suspect in index.suspects.get(row, ()):
            if suspect.kind in SUSPECT_KINDS:
                warning = reasons.suspect_reference_warning(role, suspect.id, suspect.evidence)
                return replace(call, warnings=(*call.warnings, warning))
    return call


def with_interleaved_names(interleaved: Sequence[InterleavedNames], call: Call) -> Call:
    """The same call, with a warning of each pair of interleaved names that its name or members belong to."""
    called = {("species", member) for member in call.members} | {(call.rank, call.name)}
    warnings = [
        reasons.interleaved_names_warning(pair.sentence)
        for pair in interleaved
        if any((pair.rank, name) in called and pair.partner_of(name) for name in (pair.name, pair.other))
    ]
    return replace(call, warnings=(*call.warnings, *warnings)) if warnings else call


def _references(hits: Hits, query: int, verdict: Verdict) -> Iterator[tuple[str, int]]:
    """The references that a call rests on, as role and row, the most important first."""
    if verdict.closest is not None:
        yield "the closest reference", int(hits.rows[query, verdict.closest])
    yield "the nearest hit", int(hits.rows[query, 0])
    if verdict.verdict == "ambiguous" and verdict.runner_up is not None:
        yield "the runner-up", int(hits.rows[query, verdict.runner_up])
