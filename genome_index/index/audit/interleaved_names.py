"""Interleaved names: two names whose genomes are as near to each other as to their own, as synonyms are.

A genome has two nearest others: of its own name, and of the other one. It has a vote if the other name is
nearer, or within the margin that a call of a species requires. Of two halves of one species a third and more
have one, because clones lie beside each other; of two species next to none. A genome that is the only one of
its name has a vote if one of the other name is identical to it: single genomes of young species are as near
to each other as those of one species.

Only measured pairs count: of each genome its ten nearest hits, among which interleaved names are mixed. Names
of plasmids are those of their hosts, which share plasmids; they are not compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.index.calibration.thresholds import prior_of
from genome_index.index.contents import Contents
from genome_index.index.store.pair_table import rows_of
from genome_index.records import InterleavedNames
from genome_index.taxonomy.levels import UNKNOWN

Rows = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]

# Share of the genomes of each name; more must have a vote. Genera of mosses or corals are near each other.
LEAST_SHARE = {"genus": 0.5, "species": 0.3}  # compared on renamed halves in tests/bench/RESULTS.md
LEAST_VOTES = 2  # on each side, of a name of several genomes; a single vote may be a wrong label
IDENTICAL_ANI = 99.99  # percent, of the only genome of a name to one of the other name
NOT_COMPARED = "plasmid"


@dataclass(frozen=True)
class _Nearest:
    """For P genomes with another name near: the genome, both names, and the highest ANI to each."""

    rows: Rows
    own: Codes
    other: Codes
    ani_own: Floats  # percent, -inf for a genome without a measured other one of its name
    ani_other: Floats


def find_interleaved_names(contents: Contents) -> list[InterleavedNames]:
    """The pairs of interleaved names among the live genomes, genera first."""
    ranks = (rank for rank in LEAST_SHARE if rank in contents.model.levels)
    return [pair for rank in ranks for pair in _at_rank(contents, rank)]


def _at_rank(contents: Contents, rank: str) -> Iterator[InterleavedNames]:
    level = contents.model.levels[rank]
    codes = np.where(contents.model.live & (contents.model.molecules != NOT_COMPARED), level.codes, UNKNOWN)
    sizes = np.bincount(codes[codes != UNKNOWN], minlength=len(level.names))
    nearest = _nearest(contents, codes)
    votes = _votes(contents, nearest, sizes, rank)
    pairs = set(zip(nearest.own[votes].tolist(), nearest.other[votes].tolist(), strict=True))
    for one, other in sorted((one, other) for one, other in pairs if one < other and (other, one) in pairs):
        sides = [votes & (nearest.own == a) & (nearest.other == b) for a, b in ((one, other), (other, one))]
        counts = [(int(side.sum()), int(sizes[code])) for side, code in zip(sides, (one, other), strict=True)]
        if all(_is_enough(*count, rank) for count in counts):
            ani = float(np.median(nearest.ani_other[sides[0] | sides[1]]))
            names = level.names[one], level.names[other]
            yield InterleavedNames(rank, *names, int(sizes[one]), int(sizes[other]), round(ani, 2))


def _is_enough(votes: int, size: int, rank: str) -> bool:
    """Whether so many votes of the genomes of one name are enough; a genus of one genome is not judged."""
    if size == 1:
        return votes == 1 and rank == "species"
    return votes >= LEAST_VOTES and votes > LEAST_SHARE[rank] * size


def _nearest(contents: Contents, codes: Codes) -> _Nearest:
    """The nearest genome of the own and of each other name, by ANI, of those that are aligned well enough."""
    a, b, ani = _aligned_pairs(contents, codes)
    ends, partners, both = np.concatenate([a, b]), np.concatenate([b, a]), np.concatenate([ani, ani])
    same = codes[ends] == codes[partners]
    own = np.full(len(codes), -np.inf, np.float32)
    np.maximum.at(own, ends[same], both[same])
    keys, at = np.unique(ends[~same] * len(codes) + codes[partners[~same]], return_inverse=True)
    highest = np.full(len(keys), -np.inf, np.float32)
    np.maximum.at(highest, at, both[~same])
    rows, others = keys // len(codes), (keys % len(codes)).astype(np.int32)
    return _Nearest(rows, codes[rows], others, own[rows], highest)


def _aligned_pairs(contents: Contents, codes: Codes) -> tuple[Rows, Rows, Floats]:
    """Measured pairs of named genomes with enough aligned, and their ANI: (M,), (M,), (M,)."""
    a, b = rows_of(contents.pairs.keys)
    values = contents.pairs.values
    kinds, of = np.unique(contents.model.molecules, return_inverse=True)
    least_af = np.array([prior_of(str(kind)).af for kind in kinds], np.float32)[of]
    known = (codes[a] != UNKNOWN) & (codes[b] != UNKNOWN) & ~np.isnan(values[:, 0])
    known &= np.fmax(values[:, 1], values[:, 2]) >= least_af[a]
    return a[known], b[known], values[known, 0]


def _votes(contents: Contents, nearest: _Nearest, sizes: Rows, rank: str) -> Flags:
    """Whether the other name is as near to each genome as its own name is: (P,).

    Genomes of a wide species, such as those of a virus, are farther from each other than the prior requires.
    """
    priors = [prior_of(str(kind)) for kind in contents.model.molecules[nearest.rows]]
    margin = np.array([prior.margin for prior in priors], np.float32)
    least = np.array([prior.ani for prior in priors], np.float32)
    lowest = nearest.ani_own - margin
    if rank == "genus":
        lowest = np.maximum(lowest, least)
    lowest = np.where(np.isneginf(nearest.ani_own), least, lowest)
    lowest = np.where(sizes[nearest.own] == 1, IDENTICAL_ANI, lowest)
    return np.asarray(nearest.ani_other >= lowest)
