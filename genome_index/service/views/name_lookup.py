"""Pages of long lists, and suggestions for unknown names."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from genome_index.errors import UsageError, did_you_mean
from genome_index.service.problems import Problem, not_found

MOST = 1_000  # entries of one page
LONGEST = 100  # characters of an unknown name that are compared and repeated in the answer
AROUND = 100  # names on either side that are compared: all 7,378 would take 0.1 s for each typing error

SortedName = tuple[str, str]  # sort key, name


def window(offset: int, limit: int) -> slice:
    """The entries of a list that a page shows; a page beyond the end is empty.

    Raises
    ------
    UsageError
    """
    if offset < 0:
        raise UsageError(f"offset {offset} is below 0, the first entry; give 0 or more")
    if not 1 <= limit <= MOST:
        raise UsageError(f"limit {limit} is not between 1 and {MOST:,}; give a number in between")
    return slice(offset, offset + limit)


class Names:
    """Names sorted by their beginning and by their end, to suggest one for an unknown name."""

    def __init__(self, names: Iterable[str]) -> None:
        known = {name: name.casefold() for name in names}
        self._forward = sorted((folded, name) for name, folded in known.items())
        self._backward = sorted((folded[::-1], name) for name, folded in known.items())

    def missing(self, what: str, unknown: str, otherwise: str) -> Problem:
        """The problem of an unknown name, with a similar name or else the advice `otherwise`."""
        unknown = unknown[:LONGEST]
        return not_found(f"{what} {unknown!r}", did_you_mean(unknown, self._around(unknown), otherwise))

    def _around(self, unknown: str) -> set[str]:
        """The names that begin or end like an unknown one, in any case."""
        folded = unknown.casefold()
        return _neighbours(self._forward, folded) | _neighbours(self._backward, folded[::-1])


def _neighbours(names: Sequence[SortedName], key: str) -> set[str]:
    at = bisect_left(names, (key,))
    return {name for _, name in names[max(0, at - AROUND) : at + AROUND]}
