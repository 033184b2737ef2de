"""Lists that are asked for a page at a time, and names that are asked for and not there."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from genome_index.errors import UsageError
from genome_index.service.problems import Problem, not_found

MOST = 1_000  # of one page
LONGEST = 100  # letters of a name that was asked for; more are neither compared nor said again
AROUND = 100  # names on either side that are compared: all of 7,378 take 0.1 s, at every slip of a finger

Key = tuple[str, str, str]  # what it is in the order of, folded name, name


def window(offset: int, limit: int) -> slice:
    """Which of a list a page shows; beyond the end it shows nothing.

    Raises
    ------
    UsageError
    """
    if offset < 0:
        raise UsageError(f"offset {offset}: the first is 0; ask for 0 or more")
    if not 1 <= limit <= MOST:
        raise UsageError(f"limit {limit}: ask for 1 to {MOST:,} at a time")
    return slice(offset, offset + limit)


class Names:
    """Names by their beginning and by their end, for the one that was probably meant."""

    def __init__(self, names: Iterable[str]) -> None:
        known = {name: name.casefold() for name in names}
        self._forward = sorted((folded, folded, name) for name, folded in known.items())
        self._backward = sorted((folded[::-1], folded, name) for name, folded in known.items())

    def missing(self, what: str, asked: str, otherwise: str) -> Problem:
        """The answer about a name that nobody bears; `otherwise` is what to do where none is like it."""
        asked = asked[:LONGEST]
        meant = self.nearest(asked)
        return not_found(f"{what} {asked!r}", otherwise if meant is None else f"did you mean {meant!r}?")

    def nearest(self, asked: str) -> str | None:
        """The name most like one that was asked for, in whatever case, of those that begin or end like it."""
        folded = asked.casefold()
        near = _around(self._forward, folded) | _around(self._backward, folded[::-1])
        like = get_close_matches(folded, sorted(near), 1)
        return near[like[0]] if like else None


def _around(known: Sequence[Key], order: str) -> dict[str, str]:
    at = bisect_left(known, (order,))
    return {folded: name for _, folded, name in known[max(0, at - AROUND) : at + AROUND]}
