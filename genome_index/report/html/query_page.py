"""The answers of one run as a page: calls, where the queries lie, and each with its evidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genome_index.classify.reference_warnings import NO_CALLS
from genome_index.collection.map import Map, place
from genome_index.index.index import Index
from genome_index.index.info import provenance
from genome_index.records import Call, counted, rounded
from genome_index.report.calls import call_json, identity, kmer_identity_percent, made_with
from genome_index.report.figures.genome.windows import Painting
from genome_index.report.html import texts as words
from genome_index.report.html.document import Figure, Page, Query, Section, Table
from genome_index.report.html.map import Mark, map_block
from genome_index.report.html.taxonomy import sunburst_chart
from genome_index.report.html.windows import painting_block
from genome_index.taxonomy.name_tree import counts_of_calls

GONE = -1  # row of a genome that is not in the index


@dataclass(frozen=True)
class Answered:
    """A call with its pictures, where they were drawn."""

    call: Call
    painting: Painting | None = None
    portrait: tuple[tuple[str, str], ...] = ()  # theme, PNG as a data URL


def query_page(
    index: Index, answered: Sequence[Answered], mapped: Map, kept: Sequence[Mapping[str, Any]] = ()
) -> Page:
    """The page of a run, in the order of its inputs.

    `kept` are the same calls by the JSON contract, where an earlier run, or snapshot, has answered them.
    """
    calls = [one.call for one in answered]
    verdicts = Counter(call.verdict.replace("_", " ") for call in calls)
    queries = tuple(_query(number, one) for number, one in enumerate(answered, 1))
    sections = [
        Section("calls", "Calls", words.CALLS, _calls(calls)),
        Section("map", "Map", words.MARKED_MAP, map_block(index, mapped, _marks(index, mapped, calls))),
        Section("names", "Names", words.NAMES, Figure.of(sunburst_chart(counts_of_calls(calls)))),
        Section("queries", "Queries", _queries_about(answered), queries),
    ]
    said = ", ".join(f"{count:,} {verdict}" for verdict, count in verdicts.most_common())
    title = f"What {calls[0].query} is" if len(calls) == 1 else f"What {len(calls):,} genomes are"
    numbers = [(verdict, f"{count:,}") for verdict, count in verdicts.most_common()]
    contract = list(kept) or [call_json(call, provenance(index)) for call in calls]
    lead, made = f"{counted(len(calls), 'input')}: {said}.", _made(index, contract)
    return Page(title, [lead], numbers, sections, made, ("calls.json", contract))


def _made(index: Index, contract: Sequence[Mapping[str, Any]]) -> str:
    """What the page rests on; where calls rest on something else, that too."""
    here = provenance(index)
    said = [made_with(here, index.snapshot.created)]
    for call in contract:
        there = call["provenance"]
        what = (
            f"Calls by gindex {there['gindex_version']} from snapshot {there['snapshot']} "
            f"(fingerprint {there['index_fingerprint']})."
        )
        said += [what] if there != here and what not in said else []
    return " ".join(said)


def _queries_about(answered: Sequence[Answered]) -> str:
    usable = sum(one.call.verdict not in ("failed", "qc_fail") for one in answered)
    return words.of_queries(sum(one.painting is not None for one in answered), usable)


def _calls(calls: Sequence[Call]) -> Table:
    columns = (
        "query", "verdict", "name", "confidence", "closest", "its species", "ANI", "AF query", "AF reference",
        "length (bp)",
    )  # fmt: skip
    return Table(columns, [_call_row(number, call) for number, call in enumerate(calls, 1)])


def _call_row(number: int, call: Call) -> tuple[object, ...]:
    near = call.closest
    measured = identity(near) if near else (None, None, None)
    return (
        {"text": call.query, "href": f"#query-{number}"}, call.verdict.replace("_", " "),
        call.name or " or ".join(call.members),
        rounded(call.confidence, 2), near.id if near else None, near.species if near else None, *measured,
        call.length_bp,
    )  # fmt: skip


def _marks(index: Index, mapped: Map, calls: Sequence[Call]) -> list[Mark]:
    rows = {entry.id: entry.row for entry in index.catalog.entries()}
    found = []
    for call in calls:
        at = place_of(mapped, rows, call.verdict, [(hit.id, hit.similarity) for hit in call.hits])
        if at is not None:
            found.append(Mark(*at, call.query, call.name or call.verdict))
    return found


def place_of(
    mapped: Map, rows: Mapping[str, int], verdict: str, hits: Sequence[tuple[str, float]]
) -> tuple[float, float] | None:
    """Where a comparable query lies: amid its hits (id, similarity), the nearer the heavier.

    `rows` are those of the index's genomes by id; hits that it no longer has count for nothing.
    """
    if verdict in NO_CALLS or not hits:
        return None
    weights = [max(0.0, similarity) ** 4 + 1e-6 for _, similarity in hits]
    at = place(mapped, [rows.get(one, GONE) for one, _ in hits], weights)
    return (round(at[0], 3), round(at[1], 3)) if at is not None else None


def _query(number: int, one: Answered) -> Query:
    call = one.call
    return Query(
        number, call.query, call.verdict, _answer(call), call.reason, _facts(call), call.warnings,
        _hits(call), painting_block(one.painting) if one.painting else None, dict(one.portrait),
    )  # fmt: skip


def _answer(call: Call) -> str:
    if call.members:
        return " or ".join(call.members)
    sure = f", confidence {call.confidence:.2f}" if call.confidence is not None else ""
    return f"{call.name or ''}{sure}"


def _facts(call: Call) -> list[tuple[str, str]]:
    labels = "; ".join(f"{label} {name} ({sure:.2f})" for label, (name, sure) in call.labels.items())
    facts = {
        "lineage": str(call.lineage),
        "labels": labels,
        "length": f"{call.length_bp:,} bp" if call.length_bp else "",
        "source": call.source,
    }
    return [(name, value) for name, value in facts.items() if value]


def _hits(call: Call) -> Table | None:
    if not call.hits:
        return None
    columns = ("hit", "species", "similarity", "words (%)", "ANI", "AF query", "AF reference")
    rows = [
        (
            hit.id,
            hit.species,
            round(hit.similarity, 3),
            rounded(kmer_identity_percent(hit), 1),
            *identity(hit),
        )
        for hit in call.hits
    ]
    return Table(columns, rows)
