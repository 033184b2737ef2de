"""Summary of the fragments of one file: the share of its bases that each name has."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from genome_index.records import Call

MOST_NAMES = 20  # listed by themselves; the others are added up


@dataclass
class FragmentSummary:
    """Counts fragments and bases as calls pass."""

    fragments: int = 0
    bases: int = 0
    by_name: Counter[str] = field(default_factory=Counter)  # bp
    verdicts: Counter[str] = field(default_factory=Counter)  # fragments

    def add(self, call: Call) -> None:
        self.fragments += 1
        self.bases += call.length_bp
        self.by_name[_label(call)] += call.length_bp
        self.verdicts[call.verdict] += 1

    def shares(self) -> list[tuple[str, int, float]]:
        """Name, bp and share of the bases, most first; all beyond MOST_NAMES as one."""
        ordered = self.by_name.most_common()
        listed, rest = ordered[:MOST_NAMES], ordered[MOST_NAMES:]
        if rest:
            listed.append((f"{len(rest):,} others", sum(bases for _, bases in rest)))
        return [(name, bases, bases / max(1, self.bases)) for name, bases in listed]


def _label(call: Call) -> str:
    """The species, or the name at the called rank, or the verdict if there is no name."""
    if call.name is None:
        return f"({call.verdict.replace('_', ' ')})"
    return call.name if call.rank == "species" else f"{call.name} ({call.rank})"
