"""Answers of one run as a page: table of calls, map with the queries, and each answer with its evidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genome_index.classify.explanation.records import Explanation
from genome_index.classify.reference_warnings import NO_CALLS
from genome_index.collection.map import Map, place
from genome_index.index.index import Index
from genome_index.index.info import provenance
from genome_index.records import Call, counted, rounded
from genome_index.report.calls import call_json, identity, kmer_identity_percent, made_with
from genome_index.report.explanation.sections import sections
from genome_index.report.figures.genome.windows import GenomeWindows
from genome_index.report.html import texts
from genome_index.report.html.document import Page, Query, Section, Table
from genome_index.report.html.map import Mark, map_block
from genome_index.report.html.taxonomy import sunburst
from genome_index.report.html.windows import windows_markup
from genome_index.report.verdicts import VERDICTS, verdict_name
from genome_index.taxonomy.name_tree import counts_of_calls

REMOVED = -1  # row of a genome that is no longer in the index


@dataclass(frozen=True)
class Answered:
    """A call with its figures, as far as they were drawn."""

    call: Call
    windows: GenomeWindows | None = None
    composition: tuple[tuple[str, str], ...] = ()  # theme, PNG as a data URL
    explanation: Explanation | None = None


def query_page(
    index: Index, answered: Sequence[Answered], mapped: Map, stored: Sequence[Mapping[str, Any]] = ()
) -> Page:
    """The page of a run, in the order of its inputs.

    `stored` are the same calls as JSON, where an earlier run has answered them, maybe from another snapshot.
    """
    calls = [one.call for one in answered]
    verdicts = Counter(verdict_name(call.verdict) for call in calls)
    queries = tuple(_query(number, one) for number, one in enumerate(answered, 1))
    sections = [
        Section("calls", "Calls", texts.CALLS, _calls(calls)),
        Section("map", "Map", texts.MARKED_MAP, map_block(index, mapped, _marks(index, mapped, calls))),
        Section("names", "Names", texts.NAMES, sunburst(counts_of_calls(calls))),
        Section("queries", "Queries", _queries_about(answered), queries),
    ]
    summary = ", ".join(f"{count:,} {verdict}" for verdict, count in verdicts.most_common())
    title = f"What {calls[0].query} is" if len(calls) == 1 else f"What {len(calls):,} genomes are"
    numbers = [(verdict, f"{count:,}") for verdict, count in verdicts.most_common()]
    contract = list(stored) or [call_json(call, provenance(index)) for call in calls]
    lead, made = f"{counted(len(calls), 'input')}: {summary}.", _made(index, contract)
    return Page(title, [lead], numbers, sections, made, ("calls.json", contract))


def _made(index: Index, contract: Sequence[Mapping[str, Any]]) -> str:
    """Version and snapshot of the index, and those of stored calls where they differ."""
    here = provenance(index)
    sentences = [made_with(here, index.snapshot.created)]
    for call in contract:
        there = call["provenance"]
        sentence = (
            f"Calls by gindex {there['gindex_version']} from snapshot {there['snapshot']} "
            f"(fingerprint {there['index_fingerprint']})."
        )
        sentences += [sentence] if there != here and sentence not in sentences else []
    return " ".join(sentences)


def _queries_about(answered: Sequence[Answered]) -> str:
    usable = sum(one.call.verdict not in ("failed", "qc_fail") for one in answered)
    explained = sum(one.explanation is not None for one in answered)
    about = texts.of_queries(sum(one.windows is not None for one in answered), usable)
    return f"{about}{texts.of_explanations(explained, len(answered))}"


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
        {"text": call.query, "href": f"#query-{number}"}, verdict_name(call.verdict),
        call.name or (" or ".join(call.members) if call.verdict == "ambiguous" else ""),
        rounded(call.confidence, 2), near.id if near else None, near.species if near else None, *measured,
        call.length_bp,
    )  # fmt: skip


def _marks(index: Index, mapped: Map, calls: Sequence[Call]) -> list[Mark]:
    rows = {entry.id: entry.row for entry in index.catalog.entries()}
    marks = []
    for call in calls:
        at = place_of(mapped, rows, call.verdict, [(hit.id, hit.similarity) for hit in call.hits])
        if at is not None:
            marks.append(Mark(*at, call.query, _text(call), tuple(hit.id for hit in call.hits)))
    return marks


def _text(call: Call) -> str:
    return call.name or verdict_name(call.verdict)


def place_of(
    mapped: Map, rows: Mapping[str, int], verdict: str, hits: Sequence[tuple[str, float]]
) -> tuple[float, float] | None:
    """The place of a comparable query: the mean of its hits (id, similarity), nearer ones weigh more.

    `rows` are the rows of the genomes by id; hits that the index no longer has are left out.
    """
    if verdict in NO_CALLS or not hits:
        return None
    weights = [max(0.0, similarity) ** 4 + 1e-6 for _, similarity in hits]
    at = place(mapped, [rows.get(genome_id, REMOVED) for genome_id, _ in hits], weights)
    return (round(at[0], 3), round(at[1], 3)) if at is not None else None


def _query(number: int, one: Answered) -> Query:
    call = one.call
    return Query(
        number, call.query, call.verdict, VERDICTS[call.verdict].meaning, _answer(call), call.reason,
        _facts(call), call.warnings, _hits(call),
        tuple(sections(one.explanation)) if one.explanation else (),
        windows_markup(one.windows) if one.windows else None, dict(one.composition),
    )  # fmt: skip


def _answer(call: Call) -> str:
    if call.verdict == "ambiguous":
        return " or ".join(call.members)
    confidence = f", confidence {call.confidence:.2f}" if call.confidence is not None else ""
    return f"{call.name or ''}{confidence}"


def _facts(call: Call) -> list[tuple[str, str]]:
    labels = "; ".join(
        f"{label} {name} ({probability:.2f})" for label, (name, probability) in call.labels.items()
    )
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
    columns = ("hit", "species", "similarity", "k-mers (%)", "ANI", "AF query", "AF reference")
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
