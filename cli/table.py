"""Calls for a reader at a terminal: a block each, the answer first, then what it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genome_index.records import Call, Hit


def render(calls: Iterable[Call]) -> Iterator[str]:
    for number, call in enumerate(calls):
        yield ("\n" if number else "") + "\n".join(_block(call)) + "\n"


def _block(call: Call) -> Iterator[str]:
    yield f"{call.query}: {_answer(call)}"
    yield f"  {call.reason}"
    for warning in call.warnings:
        yield f"  warning: {warning}"
    if call.labels:
        yield "  labels: " + ", ".join(
            f"{label} {name} ({sure:.2f})" for label, (name, sure) in call.labels.items()
        )
    if call.hits:
        width = max(len(hit.id) for hit in call.hits)
        yield f"  {'hit':<{width}}  similarity  words     ANI  AF query  AF ref.  species"
        yield from (_line(hit, width) for hit in call.hits)


def _answer(call: Call) -> str:
    if call.verdict == "ambiguous":
        return f"ambiguous: {' or '.join(call.members)}"
    if call.name is None:
        return call.verdict.replace("_", " ")
    return f"{call.name} ({call.rank}), confidence {call.confidence:.2f}"


def _line(hit: Hit, width: int) -> str:
    from genome_index.report.calls import kmer_identity_percent  # here, because it brings numpy

    evidence = hit.evidence
    numbers = (
        f"{_number(evidence.ani, 7, 2)}  {_number(evidence.af_query, 8, 1)}  "
        f"{_number(evidence.af_reference, 7, 1)}"
    )
    found = f"{hit.similarity:>10.3f}  {_number(kmer_identity_percent(hit), 5, 1)}"
    return f"  {hit.id:<{width}}  {found} {numbers}  {hit.species or '-'}"


def _number(value: float | None, width: int, digits: int) -> str:
    return f"{'-' if value is None else format(value, f'.{digits}f'):>{width}}"
