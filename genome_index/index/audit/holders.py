"""Holders of a stretch: how many relatives of a genome have it, and how many lack it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.index.audit.relatives_vote import AS_NEAR, FOREIGN_RATIO, LEAST_KMERS, LEAST_SHARE
from genome_index.index.audit.shared_kmers import shared_with

Hashes = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Holders:
    """How many relatives of a genome have a stretch of it, and how many lack it."""

    near: int  # of those about as near as the nearest
    near_lacking: int
    far: int
    far_lacking: int

    def are_few(self, having: int) -> bool:
        """Whether they are no more than those that lack it, near and in all, with `having` more genomes."""
        of_near = self.near + having <= self.near_lacking
        return of_near and self.near + self.far + having <= self.near_lacking + self.far_lacking


def holders_of(own: Hashes, inside: Flags, relatives: Iterable[Hashes]) -> Holders:
    """The relatives that have the k-mers `inside` of a genome, or lack them: (H,), (H,).

    Only relatives that share enough of the rest count, those that received the same part as well.
    """
    counts = {(near, has): 0 for near in (True, False) for has in (True, False)}
    if not inside.all():
        shared = [shared_with(own, relative) for relative in relatives]
        shares = [(float(flags[inside].mean()), float(flags[~inside].mean())) for flags in shared]
        best = max((outside for _, outside in shares), default=0.0)
        for within, outside in shares:
            if outside > LEAST_SHARE and outside * inside.sum() >= LEAST_KMERS:
                counts[outside >= AS_NEAR * best, within >= FOREIGN_RATIO * outside] += 1
    return Holders(counts[True, True], counts[True, False], counts[False, True], counts[False, False])
