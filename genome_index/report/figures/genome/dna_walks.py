"""DNA walks: a sequence as a line in the plane, from its bases or from the course stored in the index.

Characters that are no base (N, IUPAC) do not move the walk. A walk that sums one step for each base can be
drawn from the counts of A, C, G and T in pieces of the genome (its course); `randic` needs the bases.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from genome_index.index.store.composition import Counts
from genome_index.records import Genome

Points = npt.NDArray[np.float64]
Codes = npt.NDArray[np.uint8]

MOST_POINTS = 2_000  # more than the pixels across a figure
NO_BASE = 4

HALF, ROOT = 0.5, 3**0.5 / 2
STEPS: Mapping[str, Points] = {  # (dx, dy) of A, C, G and T: (4, 2)
    # Yau et al. 2003, NAR 31:3078: steps of length 1, no two sequences have one line
    "yau": np.array([(HALF, -ROOT), (ROOT, HALF), (ROOT, -HALF), (HALF, ROOT)]),
    # the same with the number of the base as x, as Lab41/squiggle draws it
    "yau-bp": np.array([(1, -1), (1, 0.5), (1, -0.5), (1, 1)]),
    # Gates 1986, J Theor Biol 119:319
    "gates": np.array([(0, -1), (-1, 0), (1, 0), (0, 1)], float),
    # Nandy 1994, Current Science 66:309
    "nandy": np.array([(-1, 0), (0, 1), (1, 0), (0, -1)], float),
    # Lab41/squiggle: two half steps a base, HALVES is the first of them
    "squiggle": np.array([(1, 0), (1, 0), (1, 1), (1, -1)], float),
    # Peng et al. 1992, Nature 356:168: up at a pyrimidine (C, T), down at a purine (A, G)
    "pyrimidine": np.array([(1, -1), (1, 1), (1, -1), (1, 1)], float),
    # cumulative GC skew, Grigoriev 1998, NAR 26:2286: lowest at the origin of replication, highest at its end
    "gc-skew": np.array([(1, 0), (1, -1), (1, 1), (1, 0)], float),
}
HALVES = np.array([(0.5, 0.5), (0.5, -0.5), (0.5, 0.5), (0.5, -0.5)])
# Randic et al. 2003, Chem Phys Lett 368:1, as Lab41/squiggle draws it: A 3, T 2, G 1, C 0, and no sum
LEVELS = np.array([3.0, 0.0, 1.0, 2.0])
WALKS = (*STEPS, "randic")


def _codes() -> Codes:
    table = np.full(256, NO_BASE, np.uint8)
    for letters, code in ((b"Aa", 0), (b"Cc", 1), (b"Gg", 2), (b"TtUu", 3)):
        table[list(letters)] = code
    return table


CODES = _codes()  # byte -> A 0, C 1, G 2, T 3, the order of a course; NO_BASE for all others


def walk(sequence: bytes, name: str) -> Points:
    """The place of a walk after each character: (L,) -> (L, 2); of squiggle after each half step, (2 L, 2).

    >>> walk(b"ACGT", "yau").round(3).tolist()
    [[0.5, -0.866], [1.366, -0.366], [2.232, -0.866], [2.732, 0.0]]
    """
    codes = CODES[np.frombuffer(sequence, np.uint8)]
    if name == "randic":
        return _levels(codes)
    steps = _with_rest(STEPS[name])[codes]
    if name == "squiggle":
        first = _with_rest(HALVES)[codes]
        steps = np.stack([first, steps - first], axis=1).reshape(-1, 2)
    return np.asarray(np.cumsum(steps, axis=0))


def walk_of_course(course: Counts, name: str) -> Points:
    """The place of a walk at the end of each piece: (P, 4) counts -> (P, 2). Not for `randic`."""
    return np.asarray(np.cumsum(course.astype(np.float64), axis=0) @ STEPS[name])


def thin(points: Points, most: int = MOST_POINTS) -> Points:
    """At most `most` of the points, evenly spread, with the first and the last: (L, 2) -> (M, 2)."""
    if len(points) <= most:
        return points
    return points[np.linspace(0, len(points) - 1, most).round().astype(np.int64)]


def count_course(genome: Genome, pieces: int = MOST_POINTS) -> Counts:
    """Counts of A, C, G and T in equal pieces of the concatenated contigs: (pieces, 4).

    With 256 pieces it is the course stored in the index (`composition.encode_course`).
    """
    codes = CODES[np.frombuffer(b"".join(contig.sequence for contig in genome.contigs), np.uint8)]
    edges = -(np.arange(pieces + 1) * len(codes) // -pieces)
    counts = [
        np.bincount(codes[start:end], minlength=5)[:4] for start, end in zip(edges, edges[1:], strict=False)
    ]
    return np.array(counts, np.uint32)


def gc_along(course: Counts, over: int) -> npt.NDArray[np.float64]:
    """GC content in percent around each piece, in windows of `over` pieces: (P, 4) -> (P,).

    Windows are cut at the ends; NaN without a base.
    """
    sums = _around(course, over)
    total = sums.sum(axis=1)
    return np.asarray(
        100 * np.divide(sums[:, 1] + sums[:, 2], total, np.full(len(sums), np.nan), where=total > 0)
    )


def skew_along(course: Counts, over: int) -> npt.NDArray[np.float64]:
    """GC skew, (G - C) / (G + C), around each piece, -1 to 1: (P, 4) -> (P,); NaN without G and C."""
    sums = _around(course, over)
    both = sums[:, 1] + sums[:, 2]
    return np.asarray(np.divide(sums[:, 2] - sums[:, 1], both, np.full(len(sums), np.nan), where=both > 0))


def level_along(course: Counts, over: int) -> npt.NDArray[np.float64]:
    """Mean of Randic's levels around each piece: (P, 4) -> (P,); NaN without a base."""
    sums = _around(course, over)
    total = sums.sum(axis=1)
    return np.asarray(np.divide(sums @ LEVELS, total, np.full(len(sums), np.nan), where=total > 0))


def _around(course: Counts, over: int) -> Points:
    """Sums over `over` pieces around each: (P, 4) -> (P, 4)."""
    running = np.vstack([np.zeros(4), np.cumsum(course.astype(np.float64), axis=0)])
    at = np.arange(len(course))
    start = np.maximum(at - (over - 1) // 2, 0)
    end = np.minimum(at + over // 2 + 1, len(course))
    return np.asarray(running[end] - running[start])


def _with_rest(steps: Points) -> Points:
    """The steps, and a step of 0 for characters that are no base: (4, 2) -> (5, 2)."""
    return np.vstack([steps, np.zeros(2)])


def _levels(codes: Codes) -> Points:
    """Number of bases so far and the level of the last: (L,) -> (L, 2); level 0 before the first."""
    known = codes != NO_BASE
    last = np.maximum.accumulate(np.where(known, np.arange(len(codes)), -1))
    levels = np.where(last >= 0, LEVELS[np.minimum(codes[np.maximum(last, 0)], 3)], 0)
    return np.stack([np.cumsum(known), levels], axis=1).astype(np.float64)
