"""Locations of GenBank and EMBL: join, order, complement, open ends, sites between bases, other records.

The grammar is 3.4 and 3.5 of the INSDC feature table definition (insdc.org). It is parsed here because
Biopython is no dependency of gindex; it is the oracle of the tests.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

_POSITION = r"(?:[<>]?\d+|[<>]?\(\d+[.]\d+\)|one-of\([^()]*\))"
_SPAN = re.compile(rf"(?:([^:,()]+):)?({_POSITION})(?:(\.\.|\^|\.)({_POSITION}))?")
_NUMBERS = re.compile(r"\d+")
_OPERATORS = ("join", "order", "complement", "bond")


class LocationError(ValueError):
    """A location that does not follow the grammar; the text says what cannot be read."""


@dataclass(frozen=True, slots=True)
class Span:
    """One contiguous piece of a location."""

    start: int  # 0-based, inclusive; the outermost base where several are possible
    end: int  # exclusive
    is_reverse: bool = False
    opens_before: bool = False  # it begins at or before `start` (<)
    opens_after: bool = False  # it ends at or after `end` (>)
    record: str = ""  # of another record; empty for this one
    is_site: bool = False  # between the base at `start` and the next one


def spans_of(text: str) -> list[Span]:
    """The pieces of a location, from the 5' end of the feature to its 3' end.

    >>> [(span.start, span.end, span.is_reverse) for span in spans_of("complement(join(5..9,<1..3))")]
    [(0, 3, True), (4, 9, True)]

    Raises
    ------
    LocationError
    """
    packed = "".join(text.split())
    operator = next((name for name in _OPERATORS if packed.startswith(f"{name}(")), "")
    if not operator:
        return [_span(packed)]
    if not packed.endswith(")"):
        raise LocationError(f"{text!r} has no closing parenthesis")
    spans = [span for piece in _pieces(packed[len(operator) + 1 : -1]) for span in spans_of(piece)]
    if operator == "complement":
        return [_reversed(span) for span in reversed(spans)]
    return spans


def _pieces(text: str) -> Iterator[str]:
    """The text between commas outside parentheses."""
    depth, first = 0, 0
    for at, one in enumerate(text):
        depth += (one == "(") - (one == ")")
        if one == "," and not depth:
            yield text[first:at]
            first = at + 1
    yield text[first:]


def _reversed(span: Span) -> Span:
    return replace(span, is_reverse=not span.is_reverse)


def _span(text: str) -> Span:
    found = _SPAN.fullmatch(text)
    if not found:
        raise LocationError(f"{text[:40]!r} is no location")
    record, first, between, last = found.groups()
    start = min(map(int, _NUMBERS.findall(first)))
    end = max(map(int, _NUMBERS.findall(last or first)))
    if between == "^":
        return Span(start - 1, start, record=record or "", is_site=True)
    opens_after = (last or first).startswith(">")
    return Span(start - 1, end, False, first.startswith("<"), opens_after, record or "")
