"""What a probe found, as JSON and as a table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from genome_index.evaluate.retrieval import Accuracy, Figure, Probed
from genome_index.evaluate.retrieval_queries import WHOLE
from genome_index.records import counted

JSON_VERSION = 1


def probe_json(found: Probed) -> dict[str, Any]:
    """The JSON of `gindex evaluate --fragments`; see probe.schema.json."""
    return {
        "version": JSON_VERSION,
        "plan": {"each": found.plan.each, "rank": found.plan.rank, "seed": found.plan.seed},
        "indexes": [
            {"index": str(path), "encoder": encoder}
            for path, encoder in zip(found.indexes, found.encoders, strict=True)
        ],
        "asked": found.asked,
        "absent": found.absent,
        "nameless": found.nameless,
        "shorter": {_length(length): count for length, count in found.shorter.items()},
        "results": [entry for one in found.results for entry in _entries(found, one)],
    }


def _entries(found: Probed, one: Accuracy) -> Iterator[dict[str, Any]]:
    """One a index; the first says how far it is from the other."""
    apart = (one.difference, None)
    for path, figure, difference in zip(found.indexes, (one.accuracy, one.against), apart, strict=False):
        if figure is not None:
            yield {
                "rank": one.rank,
                "length": _length(one.length_bp),
                "index": str(path),
                "questions": one.questions,
                "species": one.species,
                "accuracy": round(figure.value, 3),
                "interval": _ends(figure),
                "difference": round(difference.value, 3) if difference else None,
                "difference_interval": _ends(difference) if difference else None,
            }


def probe_lines(found: Probed) -> Iterator[str]:
    """The same as a table for a reader."""
    pieces = counted(found.plan.each, "fragment")
    yield f"{counted(found.asked)} asked about, {pieces} each; the nearest vector answers"
    for path, encoder in zip(found.indexes, found.encoders, strict=True):
        yield f"{path}: {encoder}"
    for length, count in found.shorter.items():
        if count:
            yield f"{length:,} bp: {counted(count, 'fragment')} shorter, being whole contigs"
    if found.nameless:
        yield f"{counted(found.nameless)} without a species' name: not asked at genus and above"
    if found.absent:
        yield f"{counted(found.absent, 'id')} of --only not in {found.indexes[0]}"
    other = f"{'other':>9}{'(95 %)':>18}{'difference':>12}{'(95 %)':>18}" if len(found.indexes) > 1 else ""
    yield f"{'rank':<14}{'length':>8}{'n':>8}{'species':>9}{'accuracy':>10}{'(95 %)':>18}{other}"
    yield from map(_line, found.results)


def _line(one: Accuracy) -> str:
    length = "whole" if one.length_bp == WHOLE else f"{one.length_bp:,}"
    other = ""
    if one.against and one.difference:
        other = (
            f"{one.against.value:>9.1f}{_text(one.against):>18}"
            f"{one.difference.value:>+12.1f}{_text(one.difference, '+'):>18}"
        )
    return (
        f"{one.rank:<14}{length:>8}{one.questions:>8,}{one.species:>9,}"
        f"{one.accuracy.value:>10.1f}{_text(one.accuracy):>18}{other}"
    )


def _text(figure: Figure, sign: str = "") -> str:
    if figure.interval is None:
        return "-"
    low, high = figure.interval
    return f"({low:{sign}.1f} to {high:{sign}.1f})"


def _length(length_bp: int) -> str:
    return "whole" if length_bp == WHOLE else str(length_bp)


def _ends(figure: Figure) -> list[float] | None:
    return [round(end, 3) for end in figure.interval] if figure.interval else None
