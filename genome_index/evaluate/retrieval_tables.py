"""Results of a retrieval evaluation as JSON and as a table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from genome_index.evaluate.retrieval import Accuracy, Estimate, Retrieval
from genome_index.evaluate.retrieval_queries import WHOLE
from genome_index.records import counted

JSON_VERSION = 2  # 1 was of `gindex evaluate --fragments`, with other names; see evaluate_encoder.schema.json


def retrieval_json(retrieval: Retrieval) -> dict[str, Any]:
    """The JSON of `gindex evaluate-encoder`; see evaluate_encoder.schema.json."""
    plan = retrieval.plan
    return {
        "version": JSON_VERSION,
        "plan": {"each": plan.each, "rank": plan.rank, "seed": plan.seed},
        "indexes": [
            {"index": str(path), "encoder": encoder}
            for path, encoder in zip(retrieval.indexes, retrieval.encoders, strict=True)
        ],
        "genomes": retrieval.genomes,
        "missing_ids": retrieval.missing,
        "unnamed": retrieval.unnamed,
        "shorter": {_length(length): count for length, count in retrieval.shorter.items()},
        "results": [entry for accuracy in retrieval.results for entry in _entries(retrieval, accuracy)],
    }


def _entries(retrieval: Retrieval, accuracy: Accuracy) -> Iterator[dict[str, Any]]:
    """One entry an index; the first has the difference to the other."""
    estimates, differences = (accuracy.accuracy, accuracy.against), (accuracy.difference, None)
    for path, estimate, difference in zip(retrieval.indexes, estimates, differences, strict=False):
        if estimate is not None:
            yield {
                "rank": accuracy.rank,
                "length": _length(accuracy.length_bp),
                "index": str(path),
                "queries": accuracy.queries,
                "species": accuracy.species,
                "accuracy": round(estimate.value, 3),
                "interval": _ends(estimate),
                "difference": round(difference.value, 3) if difference else None,
                "difference_interval": _ends(difference) if difference else None,
            }


def retrieval_lines(retrieval: Retrieval) -> Iterator[str]:
    """The result as a table for a reader."""
    fragments = counted(retrieval.plan.each, "fragment")
    yield f"{counted(retrieval.genomes)}, {fragments} of each; the nearest vector answers"
    for path, encoder in zip(retrieval.indexes, retrieval.encoders, strict=True):
        yield f"{path}: {encoder}"
    for length, count in retrieval.shorter.items():
        if count:
            yield f"{length:,} bp: {counted(count, 'fragment')} shorter, being whole contigs"
    if retrieval.unnamed:
        yield f"{counted(retrieval.unnamed)} without a species name: no queries at genus and above"
    if retrieval.missing:
        yield f"{counted(retrieval.missing, 'id')} of --only not in {retrieval.indexes[0]}"
    several = len(retrieval.indexes) > 1
    other = f"{'other':>9}{'(95 %)':>18}{'difference':>12}{'(95 %)':>18}" if several else ""
    yield f"{'rank':<14}{'length':>8}{'queries':>9}{'species':>9}{'accuracy':>10}{'(95 %)':>18}{other}"
    yield from map(_line, retrieval.results)


def _line(accuracy: Accuracy) -> str:
    length = "whole" if accuracy.length_bp == WHOLE else f"{accuracy.length_bp:,}"
    other = ""
    if accuracy.against and accuracy.difference:
        other = (
            f"{accuracy.against.value:>9.1f}{_text(accuracy.against):>18}"
            f"{accuracy.difference.value:>+12.1f}{_text(accuracy.difference, '+'):>18}"
        )
    return (
        f"{accuracy.rank:<14}{length:>8}{accuracy.queries:>9,}{accuracy.species:>9,}"
        f"{accuracy.accuracy.value:>10.1f}{_text(accuracy.accuracy):>18}{other}"
    )


def _text(estimate: Estimate, sign: str = "") -> str:
    if estimate.interval is None:
        return "-"
    low, high = estimate.interval
    return f"({low:{sign}.1f} to {high:{sign}.1f})"


def _length(length_bp: int) -> str:
    return "whole" if length_bp == WHOLE else str(length_bp)


def _ends(estimate: Estimate) -> list[float] | None:
    return [round(end, 3) for end in estimate.interval] if estimate.interval else None
