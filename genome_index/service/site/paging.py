"""A long list a page at a time: where a reader is, and the links before and after."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Paging:
    """One page of several; numbers are from 1."""

    number: int
    last: int
    path: str  # of a page, with {} for its number
    says: str

    @classmethod
    def of_rows(cls, number: int, each: int, total: int, path: str) -> Paging:
        """Pages of so many rows each.

        >>> Paging.of_rows(2, 50, 58, "/genomes?at={}").says
        '51 to 58 of 58'
        """
        first = min(total, (number - 1) * each + 1)
        says = f"{first:,} to {min(total, number * each):,} of {total:,}"
        return cls(number, max(1, -(-total // each)), path, says)

    @property
    def before(self) -> str | None:
        return self._link(min(self.number - 1, self.last)) if self.number > 1 else None

    @property
    def after(self) -> str | None:
        return self._link(self.number + 1) if self.number < self.last else None

    def _link(self, number: int) -> str:
        return self.path.replace("{}", str(number))
