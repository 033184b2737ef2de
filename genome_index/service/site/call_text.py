"""Text of a call on the page, from the call as JSON (call.schema.json)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genome_index.classify.reference_warnings import NO_CALLS
from genome_index.records import RANKS
from genome_index.report.verdicts import VERDICTS
from genome_index.service.site.formats import fixed, quoted, rank_link, sentence, verdict_name

CallJson = Mapping[str, Any]
MOST_NAMED = 3  # names in a heading, of those that fit equally well
MEANING_SHOWN = ("novel", "qc_fail")  # verdicts whose reason does not tell the meaning


@dataclass(frozen=True)
class Answer:
    """The text of a call above the evidence and beside the map."""

    query: str
    verdict: str  # as the page names it
    title: str
    meaning: str  # of the verdict, where the reason does not tell it
    confidence: str  # the meaning of the confidence
    advice: str
    lineage: Sequence[tuple[str, str, str]]  # rank, name, link
    labels: Sequence[tuple[str, str]]
    on_map: bool
    nearest: str  # the map in words


def answer_of(call: CallJson) -> Answer:
    verdict = call["verdict"]
    labels = [
        (name, f"{one['name']} ({fixed(one['confidence'], 2)})") for name, one in call["labels"].items()
    ]
    return Answer(
        call["query"], verdict_name(verdict), title_of(call), _meaning(verdict),
        _confidence(call["confidence"]), VERDICTS[verdict].advice, lineage_links(call["lineage"]), labels,
        is_comparable(call), _nearest(call["hits"]),
    )  # fmt: skip


def _meaning(verdict: str) -> str:
    return sentence(VERDICTS[verdict].meaning) if verdict in MEANING_SHOWN else ""


def title_of(call: CallJson) -> str:
    """The heading: the name, the names that fit equally well, or why there is none."""
    return name_of(call) or VERDICTS[call["verdict"]].heading


def name_of(call: CallJson) -> str:
    """The name of a call, or the names that fit equally well; empty if there is none."""
    members = call["members"] if call["verdict"] == "ambiguous" else []
    more = [f"{len(members) - MOST_NAMED} more"] if len(members) > MOST_NAMED else []
    return call["name"] or " or ".join([*members[:MOST_NAMED], *more])


def is_comparable(call: CallJson) -> bool:
    """Whether the query is comparable with its hits, so that it has a place on the map."""
    return bool(call["hits"]) and call["verdict"] not in NO_CALLS


def _confidence(confidence: float | None) -> str:
    if confidence is None:
        return ""
    return f"of 100 calls with such evidence, {min(99, round(100 * confidence))} are correct"


def lineage_links(names: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Rank, name, and address of the page with the genomes of the name."""
    return [(rank, names[rank], _link(rank, names[rank])) for rank in RANKS if rank in names]


def _link(rank: str, name: str) -> str:
    return f"/species/{quoted(name)}" if rank == "species" else rank_link(name, rank)


def _nearest(hits: Sequence[Mapping[str, Any]]) -> str:
    named = [f"{hit['id']} ({hit['species'] or 'no species'})" for hit in hits[:MOST_NAMED]]
    return f"The nearest genomes are {', '.join(named)}." if named else ""
