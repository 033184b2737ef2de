"""The nine columns that GFF3 and GTF share, the complaints about them, and lines joined to features."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from genome_index.lab.annotate.files.features import (
    STRANDS,
    Attributes,
    Complaint,
    Feature,
    Part,
    Phase,
    Strand,
)
from genome_index.records import counted

COLUMNS = 9
PHASE_OF: dict[str, Phase | None] = {"0": 0, "1": 1, "2": 2, ".": None}


@dataclass
class Complaints:
    """Collector of what is wrong in one file."""

    path: str
    all: list[Complaint] = field(default_factory=list)

    def add(self, line: int, reason: str) -> None:
        self.all.append(Complaint(self.path, line, reason))


@dataclass(frozen=True)
class Row:
    """One line; its names are as the file has them, still escaped."""

    contig: str
    source: str
    type: str
    part: Part  # without attributes
    attributes: str
    line: int


def row_of(text: str, line: int, complaints: Complaints) -> Row | None:
    """The columns of a line; None, with a complaint, where it has no place on a contig."""
    columns = text.split("\t")
    if len(columns) == COLUMNS + 1 and not columns[-1].strip(" "):
        columns.pop()
    if len(columns) != COLUMNS:
        cure = "separate them by tabs and write . for an unknown value"
        complaints.add(line, f"{counted(len(columns), 'column')} instead of 9, left out; {cure}")
        return None
    contig, source, kind, start, end, score, strand, phase, attributes = columns
    for name, value in (("contig (column 1)", contig), ("type (column 3)", kind)):
        if value.strip(" ") in ("", "."):
            complaints.add(line, f"the {name} is empty, left out; write its name")
            return None
    bounds = _bounds(start.strip(" "), end.strip(" "), line, complaints)
    if bounds is None:
        return None
    part = Part(
        *bounds,
        _strand(strand.strip(" "), line, complaints),
        _phase(phase.strip(" "), kind, line, complaints),
        _score(score.strip(" "), line, complaints),
    )
    return Row(contig.strip(" "), source.strip(" ") or ".", kind.strip(" "), part, attributes, line)


def _bounds(start: str, end: str, line: int, complaints: Complaints) -> tuple[int, int] | None:
    for name, value in (("start", start), ("end", end)):
        if not (value.isascii() and value.isdigit() and int(value) > 0):
            complaints.add(line, f"the {name} is {value!r}, left out; write a whole number of at least 1")
            return None
    if int(start) > int(end):
        cure = "write the smaller one first, the strand says the direction"
        complaints.add(line, f"start {start} is after end {end}, left out; {cure}")
        return None
    return int(start) - 1, int(end)


def _strand(text: str, line: int, complaints: Complaints) -> Strand:
    if text in STRANDS:
        return text
    complaints.add(line, f"the strand is {text!r}, read as ?; write +, -, . or ?")
    return "?"


def _phase(text: str, kind: str, line: int, complaints: Complaints) -> Phase | None:
    if text not in PHASE_OF:
        complaints.add(line, f"the phase is {text!r}, read as unknown; write 0, 1, 2 or .")
    elif text == "." and kind == "CDS":
        complaints.add(line, "a CDS without phase, read as unknown; write 0, 1 or 2")
    return PHASE_OF.get(text)


def _score(text: str, line: int, complaints: Complaints) -> float | None:
    if text == ".":
        return None
    try:
        score = float(text)
    except ValueError:
        score = math.nan
    if math.isfinite(score):
        return score
    complaints.add(line, f"the score is {text!r}, read as unknown; write a number or .")
    return None


class Names:
    """Distinct IDs: a name that is taken gets a number.

    >>> names = Names()
    >>> [names.new(name) for name in ("gene-a", "gene-a", "gene-b", "gene-a")]
    ['gene-a', 'gene-a-2', 'gene-b', 'gene-a-3']
    """

    def __init__(self) -> None:
        self._last: dict[str, int] = {}  # name -> the number that was given last

    def new(self, wanted: str) -> str:
        if wanted not in self._last:
            self._last[wanted] = 1
            return wanted
        self._last[wanted] += 1
        return self.new(f"{wanted}-{self._last[wanted]}")


def feature_of(rows: Sequence[Row], attributes: Sequence[Attributes]) -> Feature:
    """The feature of N lines, whose first one says what it is."""
    first, parts = rows[0], [row.part for row in rows]
    return joined(first.contig, first.source, first.type, parts, attributes, first.line)


def joined(
    contig: str, source: str, kind: str, parts: Sequence[Part], attributes: Sequence[Attributes], line: int
) -> Feature:  # fmt: skip
    """The feature of N parts: attributes that all of them have are its own, others stay with their part."""
    shared = set(attributes[0]).intersection(*attributes[1:])
    common = tuple(pair for pair in attributes[0] if pair in shared)
    rest = (tuple(pair for pair in own if pair not in shared) for own in attributes)
    own_parts = (replace(part, attributes=own) for part, own in zip(parts, rest, strict=True))
    return Feature(contig, source, kind, tuple(own_parts), common, line)
