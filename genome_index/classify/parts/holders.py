"""Holders: the genomes of an index that hold a piece of sequence, counted by species."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from genome_index.index.index import Index
from genome_index.index.store.sketches import hash_sketch
from genome_index.records import Genome
from genome_index.taxonomy.levels import UNKNOWN

HOLDING = 0.5  # of the most k-mers that a reference shares with the piece; a reference with so many holds it
TYPICAL_SHARE = 0.5  # of the species' genomes that hold a piece, for it to be one of that species
LEAST_HOLDERS = 2  # genomes; what one alone has may be a phage, a plasmid or a contaminant


@dataclass(frozen=True)
class Holders:
    """The genomes of one species that hold a piece."""

    species: str
    holding: int
    genomes: int  # of the species in the index

    @property
    def is_typical(self) -> bool:
        return self.holding >= LEAST_HOLDERS and self.holding >= TYPICAL_SHARE * self.genomes


def holders_of(index: Index, genome: Genome, hidden: Collection[int] = ()) -> list[Holders]:
    """The species whose genomes hold a piece, those with most genomes that do first.

    References among `hidden` are left out.
    """
    if "species" not in index.model.levels:
        return []
    live = index.model.live.copy()
    live[list(hidden)] = False
    rows, shared = index.kmers.shared(hash_sketch(genome, index.spec))
    rows, shared = rows[live[rows]], shared[live[rows]]
    size = np.minimum(1, index.kmers.limits[rows] / index.kmers.limits.max())  # of the densest sketch
    shared = shared / size
    holding = rows[shared >= HOLDING * shared.max(initial=0)]
    species = index.model.levels["species"]
    codes, counts = np.unique(species.codes[holding], return_counts=True)
    sizes = np.bincount(species.codes[live & (species.codes != UNKNOWN)], minlength=len(species.names))
    found = [
        Holders(species.names[code], count, int(sizes[code]))
        for code, count in zip(codes.tolist(), counts.tolist(), strict=True)
        if code != UNKNOWN
    ]
    return sorted(found, key=lambda holders: (-holders.holding, holders.species))
