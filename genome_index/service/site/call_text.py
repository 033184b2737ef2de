"""A call, as the JSON contract has it, in the page's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genome_index.classify.reference_warnings import NO_CALLS
from genome_index.records import RANKS
from genome_index.service.site.formats import fixed, quoted, rank_link, word

CallJson = Mapping[str, Any]
MOST_NAMED = 3  # of names that fit equally well, in a heading

TITLES = {
    "novel": "Novel",
    "out_of_scope": "Out of scope",
    "qc_fail": "Not fit to be called",
    "failed": "Could not be read",
}
MEANINGS = {
    "novel": "It is comparable with genomes of this index, but no name here is sure enough.",
    "qc_fail": "Whatever name it were given could be wrong, so it has none.",
}
CURES = {
    "out_of_scope": "Genomes and About tell what this index holds; another index may know it.",
    "qc_fail": "Send a longer, cleaner or separate assembly.",
    "failed": "Mend the file, and send it again.",
}


@dataclass(frozen=True)
class Answer:
    """What stands above the evidence, and beside the map."""

    query: str
    word: str  # of the verdict
    title: str
    says: str  # what the verdict means, where the reason does not tell
    sure: str  # what the confidence means
    cure: str
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
        call["query"], word(verdict), title_of(call), MEANINGS.get(verdict, ""), _sure(call["confidence"]),
        CURES.get(verdict, ""), lineage_links(call["lineage"]), labels, is_comparable(call),
        _nearest(call["hits"]),
    )  # fmt: skip


def title_of(call: CallJson) -> str:
    """What the query is: a name, names, or why it has none."""
    return name_of(call) or TITLES.get(call["verdict"], word(call["verdict"]).capitalize())


def name_of(call: CallJson) -> str:
    """The called name, or those that fit equally well; nothing where there is none."""
    members = call["members"]
    more = [f"{len(members) - MOST_NAMED} more"] if len(members) > MOST_NAMED else []
    return call["name"] or " or ".join([*members[:MOST_NAMED], *more])


def is_comparable(call: CallJson) -> bool:
    return bool(call["hits"]) and call["verdict"] not in NO_CALLS


def _sure(confidence: float | None) -> str:
    if confidence is None:
        return ""
    return f"of 100 calls made on such evidence, {min(99, round(100 * confidence))} are right"


def lineage_links(names: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Rank, name, and where the page shows who bears it."""
    return [(rank, names[rank], _link(rank, names[rank])) for rank in RANKS if rank in names]


def _link(rank: str, name: str) -> str:
    return f"/species/{quoted(name)}" if rank == "species" else rank_link(name, rank)


def _nearest(hits: Sequence[Mapping[str, Any]]) -> str:
    named = [f"{hit['id']} ({hit['species'] or 'no species'})" for hit in hits[:MOST_NAMED]]
    return f"Nearest to it are {', '.join(named)}." if named else ""
