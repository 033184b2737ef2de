"""Which genomes may answer a query: above species, none of the query's species, whose twins anybody finds.

At species rank, or at a label, every other genome may answer. A genome without a species name could be of any
species: above species it neither is a query nor answers one.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from genome_index.records import RANKS
from genome_index.taxonomy.levels import UNKNOWN, Level

Rows = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

SPECIES_OUT = RANKS[: RANKS.index("species")]  # ranks at which the query's species may not answer


def has_answer(level: Level, species: Level) -> Flags:
    """Whether another genome that may answer has the same name at a rank or label: (N,)."""
    codes, own = level.codes.astype(np.int64), species.codes
    if level.name not in SPECIES_OUT:
        counts = np.bincount(codes[codes != UNKNOWN], minlength=1)
        return np.asarray((codes != UNKNOWN) & (counts[codes] > 1))
    known = (codes != UNKNOWN) & (own != UNKNOWN)
    counts = np.bincount(codes[known], minlength=max(1, int(codes.max()) + 1))
    _, inverse, same_species = np.unique(
        codes * (len(species.names) + 1) + own, return_inverse=True, return_counts=True
    )
    return np.asarray(known & (counts[codes] > same_species[inverse]))


def may_answer(level: Level, species: Level, queries: Rows, references: Rows) -> Flags:
    """Whether each reference may answer each query, of which it is none: (Q,), (R,) -> (Q, R)."""
    named = (level.codes != UNKNOWN)[references][None, :]
    if level.name not in SPECIES_OUT:
        return np.repeat(named, len(queries), axis=0)
    own, others = species.codes[queries][:, None], species.codes[references][None, :]
    return np.asarray(named & (own != UNKNOWN) & (others != UNKNOWN) & (own != others))


def species_units(species: Level) -> Rows:
    """The unit that a bootstrap draws: the species; a genome without a name is one of its own: (N,)."""
    alone = len(species.names) + np.arange(len(species.codes))
    return np.where(species.codes == UNKNOWN, alone, species.codes).astype(np.int64)
