"""What of an export may be chosen."""

from __future__ import annotations

from dataclasses import dataclass

NEIGHBOURS = 10  # nearest references of each genome that are drawn; the index keeps 50


@dataclass(frozen=True)
class Wish:
    rank: str | None = None  # or a label: what colours, names and groups; of krona, the last rank shown
    neighbours: int = NEIGHBOURS  # of graphml, for each genome
