"""Components: the parts of a query's sequence, by the species whose genomes share their k-mers.

The sequence is cut into windows, small contigs and all. Each window is looked up in the inverted index of
k-mers: it is of the species whose genomes share most of it, of the call's own species where that shares about
as much, or of nothing that the index has. Where the closest reference is far from the whole query, windows of
another family are told by less: each shares k-mers with that family alone. Bases are counted, not windows.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from genome_index.classify.parts.window_lookup import SPECIES_IDENTITY, Part, WindowLookup
from genome_index.classify.parts.windows import cut_windows
from genome_index.index.index import Index
from genome_index.records import Component, Genome

WINDOW_BP, SMALL_WINDOW_BP = 5_000, 300  # of a large and a small genome: some 25 and 35 sampled k-mers
MOST_WINDOWS = 400  # spread evenly over all of the sequence; a share of 5 % is then known within 2 points
LEAST_WINDOWS = 2  # of a name, for it to be a component; of thousands of names one may resemble a window,
# but not as near as genomes of one species, and it alone: such a window is enough
LEAST_SHARE = 0.01  # of the sequence; smaller components are not listed


@dataclass(frozen=True)
class Components:
    """The components of one query, as shares of the bases in windows that were looked at."""

    own: float  # the call's own species, and all that resembles it about as much as any other
    own_species: float  # the part of it that is as near as genomes of one species are
    foreign: tuple[Component, ...]  # other species, the largest first
    unexplained: float  # near to no genome of the closest reference's genus, and clearly near to no other

    @property
    def foreign_share(self) -> float:
        return sum(component.share for component in self.foreign)


def components_of(
    index: Index, genome: Genome, closest_row: int, is_far: bool = False, hidden: Collection[int] = ()
) -> Components | None:
    """The components of a genome whose closest reference is `closest_row`; None if no window has k-mers.

    Of a query that is far from it, `is_far`, windows of its family count as its own. References among
    `hidden` are left out.
    """
    lookup = WindowLookup(index, closest_row, hidden, is_far)
    is_small = genome.length_bp <= index.spec.small_bp and index.references.is_small(closest_row)
    windows = cut_windows(genome, SMALL_WINDOW_BP if is_small else WINDOW_BP, MOST_WINDOWS)
    parts = [part for window in windows if (part := lookup.part(window)) is not None]
    bases = _length(parts)
    if not bases:
        return None
    own = [part for part in parts if part.is_own]
    own_species = [part for part in own if part.identity >= SPECIES_IDENTITY]
    unexplained = [part for part in parts if part.is_unexplained]
    return Components(
        _length(own) / bases,
        _length(own_species) / bases,
        _foreign(parts, bases),
        _length(unexplained) / bases,
    )


def _length(parts: Sequence[Part]) -> int:
    return sum(part.length_bp for part in parts)


def _foreign(parts: Sequence[Part], bases: int) -> tuple[Component, ...]:
    """The components of other names, the largest first."""
    by_name: dict[tuple[str, str], list[Part]] = {}
    for part in parts:
        if part.name:
            by_name.setdefault((part.rank, part.name), []).append(part)
    enough = [_component(*name, own, bases) for name, own in by_name.items() if _is_enough(own)]
    return tuple(sorted(enough, key=lambda component: (-component.share, component.name)))


def _is_enough(parts: Sequence[Part]) -> bool:
    """Whether windows of one name show that it is there."""
    is_sure = any(part.is_alone and part.identity >= SPECIES_IDENTITY for part in parts)
    return is_sure or len(parts) >= LEAST_WINDOWS


def _component(rank: str, name: str, parts: Sequence[Part], bases: int) -> Component:
    identity = np.average([part.identity for part in parts], weights=[part.length_bp for part in parts])
    return Component(name, rank, _length(parts) / bases, float(identity))
