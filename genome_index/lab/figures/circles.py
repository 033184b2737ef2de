"""Circular genomes of one species, brought to the same start and strand, and which cannot be.

Two members share the k-mers that each has once, on either strand; their identity is estimated as the share of
these to the power 1 / k, as in Mash (Ondov et al. 2016, Genome Biol. 17, 132) but with all k-mers. The
reference is the member to which the most others have LEAST_IDENTITY. All begin where the reference has the
first k-mer that the most of them have once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.lab.corpus.packing import OTHER, Codes, other_strand

K = 15  # odd, so that no k-mer is its own reverse complement; two random 16.5 kb circles share 1e-5 of them
# Of mitochondria: 0.87 in the 99th percentile of 1,770 pairs of vertebrates by chance, 0.95 in the 5th of two
# genomes of one species (68 species); 2026-12-01.
LEAST_IDENTITY = 0.9

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Circles:
    """Members of a species that begin at the same place, and the others."""

    numbers: tuple[int, ...]  # of the members, as given
    sequences: tuple[Codes, ...]  # of these, rotated and on one strand
    turned: int  # of these, that were read on the other strand
    moved: int  # of these, that began elsewhere
    others: tuple[tuple[int, str], ...]  # number and reason of those that cannot be compared


@dataclass(frozen=True)
class _Kmers:
    """The k-mers that a circle has once: canonical, ascending."""

    values: Rows  # (U,)
    places: Rows  # (U,) 0-based, on the strand as given
    forward: npt.NDArray[np.bool_]  # (U,) whether the canonical k-mer is on that strand


def aligned_circles(members: Sequence[Codes]) -> Circles:
    """Rotate members, as circles, to a common start and strand: codes (L,) each.

    The strand is that of the reference at the common k-mer. A genome that is linear is cut and joined too.
    """
    kmers = [_once(codes) for codes in members]
    identities = _identities(kmers)
    reference = int((identities >= LEAST_IDENTITY).sum(1).argmax())
    near = np.flatnonzero(identities[reference] >= LEAST_IDENTITY)
    anchor = _anchor(kmers, reference, near)
    others = [
        (at, f"identity {identities[reference, at]:.3f} to the reference, below {LEAST_IDENTITY:g}")
        for at in range(len(members)) if at not in near
    ]  # fmt: skip
    others += [(at, "without the common start") for at in near.tolist() if anchor not in kmers[at].values]
    numbers = [at for at in near.tolist() if anchor in kmers[at].values]
    places = [_place(kmers[at], anchor) for at in numbers]
    start, strand = places[numbers.index(reference)] if numbers else (0, True)
    return Circles(
        tuple(numbers),
        tuple(_rotated(members[at], *place, strand) for at, place in zip(numbers, places, strict=True)),
        sum(forward != strand for _, forward in places),
        sum(place != start for place, _ in places),
        tuple(sorted(others)),
    )


def _once(codes: Codes) -> _Kmers:
    """The k-mers over the joint too, without those that hold an N."""
    circle = np.concatenate([codes, codes[: K - 1]]).astype(np.int64)
    length = len(circle) - K + 1
    own, other, known = np.zeros(length, np.int64), np.zeros(length, np.int64), np.ones(length, bool)
    for at in range(K):
        column = circle[at : at + length]
        own = 4 * own + (column & 3)
        other += (3 - (column & 3)) << (2 * at)
        known &= column != OTHER
    places = np.flatnonzero(known)
    values, first, counts = np.unique(np.minimum(own, other)[places], return_index=True, return_counts=True)
    once = places[first[counts == 1]]
    return _Kmers(values[counts == 1], once, (own < other)[once])


def _identities(kmers: Sequence[_Kmers]) -> npt.NDArray[np.float64]:
    """Identity of each pair: (M, M)."""
    result = np.ones((len(kmers), len(kmers)))
    for a in range(len(kmers)):
        for b in range(a):
            shared = len(np.intersect1d(kmers[a].values, kmers[b].values, assume_unique=True))
            most = max(len(kmers[a].values), len(kmers[b].values), 1)
            result[a, b] = result[b, a] = (shared / most) ** (1 / K)
    return result


def _anchor(kmers: Sequence[_Kmers], reference: int, near: Rows) -> int:
    """The first k-mer of the reference among those that the most members have; -1 without any."""
    own = kmers[reference]
    if not len(own.values):
        return -1
    holders = sum(np.isin(own.values, kmers[at].values, assume_unique=True).astype(int) for at in near)
    most = np.flatnonzero(holders == np.max(holders))
    return int(own.values[most[own.places[most].argmin()]])


def _place(kmers: _Kmers, value: int) -> tuple[int, bool]:
    at = int(np.searchsorted(kmers.values, value))
    return int(kmers.places[at]), bool(kmers.forward[at])


def _rotated(codes: Codes, place: int, forward: bool, strand: bool) -> Codes:
    """The circle from a k-mer on, on the strand where that is as in the reference."""
    if forward == strand:
        return np.roll(codes, -place)
    return np.roll(other_strand(codes), -(len(codes) - place - K))
