"""Paging of long lists: the number of the page, and links to the previous and the next page."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Paging:
    """One page of several, counted from 1."""

    number: int
    last: int
    path: str  # address of a page, with {} for its number
    text: str  # the rows of the page

    @classmethod
    def of_rows(cls, number: int, size: int, total: int, path: str) -> Paging:
        """Pages of `size` rows each.

        >>> Paging.of_rows(2, 50, 58, "/genomes?page={}").text
        '51 to 58 of 58'
        """
        first = min(total, (number - 1) * size + 1)
        text = f"{first:,} to {min(total, number * size):,} of {total:,}"
        return cls(number, max(1, -(-total // size)), path, text)

    @property
    def previous(self) -> str | None:
        return self._link(min(self.number - 1, self.last)) if self.number > 1 else None

    @property
    def next(self) -> str | None:
        return self._link(self.number + 1) if self.number < self.last else None

    def _link(self, number: int) -> str:
        return self.path.replace("{}", str(number))
