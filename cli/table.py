"""Calls as text for people: a block each, the answer first, then its reason and the hits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from gindex_cli.columns import Column, table_lines

from genome_index.records import rounded_ani
from genome_index.report.verdicts import verdict_name

if TYPE_CHECKING:
    from genome_index.records import Call, Component, Hit

COLUMNS = (
    Column("hit"),
    Column("similarity", number=True),
    Column("k-mer %", number=True),
    Column("ANI", number=True),
    Column("AF query", number=True),
    Column("AF ref.", number=True),
    Column("species"),
)


def render(calls: Iterable[Call], terminal: bool = False) -> Iterator[str]:
    """The blocks of calls, an empty line between them; `terminal` draws their tables for one."""
    for number, call in enumerate(calls):
        yield ("\n" if number else "") + "\n".join(_block(call, terminal)) + "\n"


def _block(call: Call, terminal: bool) -> Iterator[str]:
    yield answer_line(call)
    yield f"  {call.reason}"
    for warning in call.warnings:
        yield f"  warning: {warning}"
    if call.components:
        yield "  components: " + ", ".join(map(_component, call.components))
    if call.labels:
        labels = call.labels.items()
        yield "  labels: " + ", ".join(f"{label} {name} ({share:.2f})" for label, (name, share) in labels)
    if call.hits:
        yield from table_lines(COLUMNS, [_cells(hit) for hit in call.hits], terminal, indent=2)


def answer_line(call: Call) -> str:
    """The query and its answer: 'sample: Hyla arborea (species), confidence 0.99'."""
    return f"{call.query}: {_answer(call)}"


def _answer(call: Call) -> str:
    if call.verdict == "ambiguous":
        return f"ambiguous: {' or '.join(call.members)}"
    if call.name is None:
        return verdict_name(call.verdict)
    kind = "piece of " if call.verdict == "piece" else ""
    return f"{kind}{call.name} ({call.rank}), confidence {call.confidence:.2f}"


def _component(part: Component) -> str:
    return f"{part.share:.0%} {part.name} (identity {part.identity:.1%})"


def _cells(hit: Hit) -> tuple[str, ...]:
    from genome_index.report.calls import kmer_identity_percent  # here, because it brings numpy

    evidence = hit.evidence
    return (
        hit.id,
        f"{hit.similarity:.3f}",
        _number(kmer_identity_percent(hit), 1),
        _number(rounded_ani(evidence.ani), 2),
        _number(evidence.af_query, 1),
        _number(evidence.af_reference, 1),
        hit.species or "-",
    )


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
