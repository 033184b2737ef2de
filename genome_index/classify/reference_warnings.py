"""Does a call rest on a reference that is in doubt itself? What the index keeps of its suspects says so."""

from __future__ import annotations

from dataclasses import replace

from genome_index.classify.decision import Verdict
from genome_index.index.calibration.hits import Hits
from genome_index.index.index import Index
from genome_index.records import Call

KINDS = ("label", "mixture", "contigs")  # what makes a name wrong; an unusual length does not
NO_CALLS = ("failed", "qc_fail", "out_of_scope")


def doubted(index: Index, call: Call, hits: Hits, query: int, verdict: Verdict) -> Call:
    """The call, with a warning where what it rests on is a suspect."""
    if call.verdict in NO_CALLS:
        return call
    for what, at in _rests_on(verdict):
        row = -1 if at is None else int(hits.rows[query, at])
        for one in index.suspects.get(row, ()):
            if one.kind in KINDS:
                why = one.evidence[0].lower() + one.evidence[1:].rstrip(".")
                said = f"{what} {one.id} is in doubt itself: {why} (`gindex report` says more)"
                return replace(call, warnings=(*call.warnings, said))
    return call


def _rests_on(verdict: Verdict) -> tuple[tuple[str, int | None], ...]:
    """What names a call, the weightiest first; hits are by descending score, so 0 is the nearest."""
    found = (("the closest reference", verdict.closest), ("the nearest hit", 0))
    return (*found, ("the runner-up", verdict.runner_up)) if verdict.verdict == "ambiguous" else found
