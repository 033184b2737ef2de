"""Votes of relatives on a stretch that two genomes share: which of the two has it from the other.

The relatives of a genome whose own stretch it is share k-mers inside and outside of it alike; the relatives
of a genome with a part from elsewhere share k-mers only outside of that part. A relative may have received
the same part: two assemblies of one laboratory have the same contaminant. So one relative that has the
stretch does not outvote another as near that lacks it, and one that has all of the stretch and less of the
rest has no vote.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from genome_index.index.audit.shared_kmers import shared_with

Hashes = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]

FOREIGN_RATIO = 0.3  # below: relatives share so much less inside the stretch than outside that it is foreign
LACKING_RATIO = 0.15  # below, on both sides: a genome's own stretch may evolve faster than the rest of it
LEAST_SHARE = 0.02  # of the k-mers outside the stretch, that a relative must have to be evidence
LEAST_KMERS = 8  # sampled in a stretch, to judge it
AS_NEAR = 0.5  # of the share that the nearest relative has outside: from here on a relative is about as near
ALIKE = 1.5  # two ratios that differ by a smaller factor say the same
SAME_COPY, LESS_OUTSIDE = 0.95, 0.85  # of the k-mers inside; of that share, outside: the same part received


class Direction(Enum):
    """Where one of two genomes has a shared stretch from."""

    RECEIVED = "from the other genome"
    OWN = "its own"
    ELSEWHERE = "the relatives of both lack it: both have it from a third genome"
    DIVIDED = "some near relatives have it, and some lack it; nothing speaks against the other genome"
    UNCLEAR = "the relatives contradict each other, or may have received it too"
    UNKNOWN = "neither genome has relatives"


@dataclass(frozen=True)
class Votes:
    """The share of k-mers inside a stretch over that outside, in the relatives of a genome.

    1 if the stretch is the genome's own, 0 if it is from elsewhere; None without relatives. Of an even number
    of relatives the lower middle one counts.
    """

    near: float | None  # of those about as near as the nearest
    all: float | None
    copies: int  # relatives without a vote, which may have received the same part
    lacking: int = 0  # relatives about as near as the nearest that lack the stretch

    @property
    def are_divided(self) -> bool:
        """Whether near relatives have the stretch, and others as near lack it."""
        return self.near is not None and self.near >= FOREIGN_RATIO and self.lacking > 0


def votes_of(own: Hashes, inside: Flags, relatives: Iterable[Hashes]) -> Votes:
    """The votes of relatives, given by their hashes, on the k-mers `inside` of a genome: (H,), (H,)."""
    if inside.all() or not inside.any():
        return Votes(None, None, 0)
    ratios, nearness, copies = [], [], 0
    for relative in relatives:
        shared = shared_with(own, relative)
        within, outside = float(shared[inside].mean()), float(shared[~inside].mean())
        if outside <= LEAST_SHARE or outside * inside.sum() < LEAST_KMERS:
            continue
        if is_same_copy(within, outside):
            copies += 1
            continue
        ratios.append(min(within / outside, 1.0))  # conserved genes may be more alike than the rest
        nearness.append(outside)
    best = max(nearness, default=0.0)
    near = [ratio for ratio, share in zip(ratios, nearness, strict=True) if share >= AS_NEAR * best]
    lacking = sum(ratio < FOREIGN_RATIO for ratio in near)
    return Votes(_lower_middle(near), _lower_middle(ratios), copies, lacking)


def is_same_copy(within: float, outside: float) -> bool:
    """Whether a genome has received the same part as another one, by their shared k-mers in and outside."""
    return within >= SAME_COPY and outside < LESS_OUTSIDE * within


def _lower_middle(ratios: list[float]) -> float | None:
    return sorted(ratios)[(len(ratios) - 1) // 2] if ratios else None


def direction(own: Votes, theirs: Votes) -> Direction:
    """Where a genome has the stretch from, by the votes of its relatives and of those of the other genome."""
    if own.near is None and theirs.near is None:
        return Direction.UNCLEAR if own.copies or theirs.copies else Direction.UNKNOWN
    found = _by_one_side(own, theirs) if own.near is None or theirs.near is None else _by_two(own, theirs)
    is_divided = found is Direction.UNCLEAR and own.are_divided and not theirs.are_divided
    return Direction.DIVIDED if is_divided else found


def _by_two(own: Votes, theirs: Votes) -> Direction:
    """Where both have relatives: by the near ones, and by all where those tell nothing."""
    assert own.near is not None
    assert theirs.near is not None
    by_near = _by_both(own.near, theirs.near)
    if by_near is not Direction.UNCLEAR or own.all is None or theirs.all is None:
        return by_near
    return _by_both(own.all, theirs.all)


def _by_both(own: float, theirs: float) -> Direction:
    if max(own, theirs) < LACKING_RATIO:
        return Direction.ELSEWHERE
    if max(own, theirs) < ALIKE * min(own, theirs):
        return Direction.UNCLEAR
    return Direction.RECEIVED if own < theirs else Direction.OWN


def _by_one_side(own: Votes, theirs: Votes) -> Direction:
    """Where only one of the two has relatives, and those near and those farther off must agree."""
    side, has, lacks = (
        (theirs, Direction.RECEIVED, Direction.OWN)
        if own.near is None
        else (own, Direction.OWN, Direction.RECEIVED)
    )
    assert side.near is not None
    assert side.all is not None
    if (side.near < FOREIGN_RATIO) != (side.all < FOREIGN_RATIO) or side.are_divided:
        return Direction.UNCLEAR
    return lacks if side.near < FOREIGN_RATIO else has
