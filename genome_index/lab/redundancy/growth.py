"""How k-mers of a collection grow with its genomes: Heaps' law, and a least number of those not seen.

Unique k-mers U after n genomes grow as n^g. With g near 0 new genomes bring nothing new; with 1 all is new.
Chao 1984 (Scand. J. Stat. 11, 265): at least f1^2 / (2 f2) k-mers are still unseen, f1 and f2 those in one
and in two genomes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]

ORDERS = 10  # random orders of the genomes, whose mean is the curve


@dataclass(frozen=True)
class Growth:
    """The growth of unique k-mers."""

    curve: Floats  # (N,) unique sampled k-mers after each genome, mean of random orders
    power: float  # g of Heaps' law, over the second half of the curve
    unseen: float  # Chao's lower bound, as a share of the unique ones


def growth_of(sketches: Sequence[Hashes], orders: int = ORDERS, seed: int = 0) -> Growth:
    """The growth over sketches, each of distinct hashes; all of one sampling."""
    hashes, owners = np.concatenate(sketches), np.repeat(np.arange(len(sketches)), [len(s) for s in sketches])
    _, number, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    draws, total = np.random.default_rng(seed), np.zeros(len(sketches))
    for _ in range(orders):
        place = draws.permutation(len(sketches))
        first = np.full(len(counts), len(sketches))
        np.minimum.at(first, number, place[owners])  # the place of the first genome that has a k-mer
        total += np.bincount(first, minlength=len(sketches)).cumsum()
    curve = total / orders
    once, twice = int((counts == 1).sum()), int((counts == 2).sum())
    return Growth(curve, heaps_power(curve), once**2 / (2 * max(1, twice)) / len(counts))


def heaps_power(curve: Floats) -> float:
    """The slope of the logarithms over the second half of a curve: (N,)."""
    half = len(curve) // 2
    if len(curve) - half < 2:
        return float("nan")
    genomes = np.arange(half + 1, len(curve) + 1)
    return float(np.polyfit(np.log(genomes), np.log(curve[half:]), 1)[0])
