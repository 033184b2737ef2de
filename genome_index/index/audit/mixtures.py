"""Which references are mixtures: a part of one genome, the rest of another.

Two genomes of different genera that share words share them thinly, all along. A mixture shares one stretch
with its source, whole, and nothing beside. Which of the two is the mixture is told by third genomes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from genome_index.index.audit.shared_kmers import held_in
from genome_index.index.audit.transfer_direction import LEAST_WORDS, Kinship
from genome_index.index.store.composition import decode_windows
from genome_index.index.store.pair_table import in_threads, keys_of

Rows = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Doubles = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

LEAST, MOST = 0.12, 0.85  # share of a genome's words that a part of it has; more is the same genome
WINDOWS = 20  # that a small genome is cut into
WHOLE = 0.9  # share of a window's words from which on it is taken from the other genome ...
LEAST_TAKEN = 2  # ... so many of them ...
THIN = 0.1  # ... while the rest shares no more than this with it
LOOK_GENOMES = 128  # that a thread looks at with the same segments mapped
PATCH_ANI, PATCH_AF = 97.0, 0.7  # of a large pair: as alike, but no further (share of words = AF * ANI ** k)


@dataclass(frozen=True)
class Mixture:
    """A reference, where a part of it comes from, and how large that part is."""

    row: int
    source_row: int
    share: float  # of its words


def find_mixtures(
    kinship: Kinship, asked: Rows, known: Collection[int] = (), threads: int = 1
) -> list[Mixture]:
    """Which of the genomes asked about have a part of another genus; of two parts the smaller one.

    `known` are mixtures already: who shares only with mixtures shares what is its own.
    """
    likely = [row for row in asked.tolist() if kinship.sources(row, LEAST / 2)]
    starts = range(0, len(likely), LOOK_GENOMES)

    def look(number: int) -> list[list[Mixture]]:
        block = likely[starts[number] : starts[number] + LOOK_GENOMES]
        found = [_parts(kinship, row) for row in block]
        kinship.contents.references.let_go()
        return found

    parts = [part for found in in_threads(look, len(starts), threads) for part in found if part]
    mixed = {found[0].row for found in parts} | set(known)
    true = ([part for part in found if part.source_row not in mixed] for found in parts)
    return [found[0] for found in true if found]


def _parts(kinship: Kinship, row: int) -> list[Mixture]:
    """Of each genus the genome that has most of its part, the smallest part first."""
    others = kinship.sources(row, LEAST / 2)
    sketches = [kinship.words(other) for other in others]
    starts = np.cumsum([0, *(len(sketch) for sketch in sketches)])
    share, back = shared_both_ways(kinship.words(row), np.concatenate(sketches), starts)
    likely = np.flatnonzero((share >= LEAST) & (share <= MOST) & (back <= MOST)).tolist()
    if not likely:
        return []
    in_one_part = _patches(kinship, row, [sketches[at] for at in likely], [others[at] for at in likely])
    largest: dict[int, Mixture] = {}
    for at in sorted((at for at, patch in zip(likely, in_one_part, strict=True) if patch), key=share.item):
        if _is_the_mixture(kinship, row, others[at], held_in(kinship.words(row), sketches[at])):
            largest[kinship.genus(others[at])] = Mixture(row, others[at], float(share[at]))
    return sorted(largest.values(), key=lambda part: part.share)


def _patches(kinship: Kinship, row: int, sketches: Sequence[Hashes], others: Sequence[int]) -> list[bool]:
    """Whether the words shared with each of some genomes lie in one part; by windows where it is small."""
    references, spec = kinship.contents.references, kinship.contents.spec
    own = kinship.words(row)
    if references.is_small(row):
        genome = references.genome(row)
        assert genome is not None  # the bases of small genomes are kept
        whole = b"N".join(contig.sequence for contig in genome.contigs)
        ends = np.arange(WINDOWS + 1) * len(whole) // WINDOWS
        words, window = kinship.places(row, whole, ends)
        return [patchy(own, theirs, words, window) for theirs in sketches]
    pairs = kinship.contents.pairs.get(keys_of(np.full(len(others), row), np.array(others)))
    return [
        ani >= PATCH_ANI and held_in(own, theirs).mean() <= PATCH_AF * (ani / 100) ** spec.sketch_k
        for ani, theirs in zip(pairs[:, 0].tolist(), sketches, strict=True)
    ]


def _is_the_mixture(kinship: Kinship, row: int, other: int, inside: Flags) -> bool:
    """Which of the two kin tells; where neither has kin to ask, the genome that is less of one piece."""
    told = kinship.has_it_from(row, other, inside)
    return _unevenness(kinship, row) > _unevenness(kinship, other) if told is None else told


def _unevenness(kinship: Kinship, row: int) -> float:
    """Mean distance of a genome's windows from their mean, in 4-mers."""
    windows = decode_windows(kinship.contents.references.windows(row))
    return float(np.linalg.norm(windows - windows.mean(axis=0), axis=1).mean())


@njit(cache=True, nogil=True)
def shared_both_ways(own: Hashes, joined: Hashes, starts: Rows) -> tuple[Doubles, Doubles]:
    """Share of a genome's words that each of K others has, and of theirs that it has: (H,) -> (K,), (K,)."""
    share, back = np.zeros(starts.size - 1), np.zeros(starts.size - 1)
    for at in range(starts.size - 1):
        common = held_in(own, joined[starts[at] : starts[at + 1]]).sum()
        share[at] = common / max(1, own.size)
        back[at] = common / max(1, starts[at + 1] - starts[at])
    return share, back


@njit(cache=True, nogil=True)
def patchy(own: Hashes, theirs: Hashes, words: Rows, window: Rows) -> bool:
    """Whether some windows are the other genome's, whole, and the others hardly share anything with it."""
    inside = held_in(own, theirs)
    size, held = np.zeros(WINDOWS), np.zeros(WINDOWS)
    for at in range(words.size):
        size[window[at]] += 1
        held[window[at]] += inside[words[at]]
    judged = size >= LEAST_WORDS
    share = held[judged] / size[judged]
    rest = np.sort(share[share < WHOLE])[:-2]  # the window at either end of the stretch is half and half
    return (share >= WHOLE).sum() >= LEAST_TAKEN and rest.size > 0 and rest.mean() <= THIN
