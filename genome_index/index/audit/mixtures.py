"""Mixtures among the references: a part of one genome, the rest of another.

Two genomes of different genera that share k-mers usually share them thinly over their whole length. A
mixture shares one stretch completely with its source, and nothing outside of it. Third genomes decide which
of the two is the mixture.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.index.audit.relatives_vote import LEAST_KMERS, Direction
from genome_index.index.audit.shared_kmers import shared_with
from genome_index.index.audit.transfer_direction import SharedKmers
from genome_index.index.parallel import in_threads
from genome_index.index.store.composition import decode_windows
from genome_index.index.store.pair_table import keys_of
from genome_index.io.kernels.kernel import kernel

Rows = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Doubles = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

LEAST, MOST = 0.12, 0.85  # share of a genome's k-mers in the part of another; more is the same genome
WINDOWS = 20  # equal windows of a small genome
WHOLE = 0.9  # share of a window's k-mers from which on the window is foreign ...
LEAST_FOREIGN = 2  # ... so many such windows are needed ...
THIN = 0.1  # ... while the other windows share no more than this
LOOK_GENOMES = 128  # that a thread examines with the same segments mapped
# A large pair shares one part if it is more alike than genomes that share so many k-mers all over: for those
# the share of k-mers is aligned fraction * ANI ** k.
PATCH_ANI, PATCH_AF = 97.0, 0.7
MIXED = (Direction.RECEIVED, Direction.ELSEWHERE)  # by the relatives


@dataclass(frozen=True)
class Mixture:
    """A reference, the source of a part of it, and the size of that part."""

    row: int
    source_row: int
    share: float  # of its k-mers
    from_elsewhere: bool = False  # whether the relatives of both lack the part, so that neither is its source


def find_mixtures(
    shared: SharedKmers, subjects: Rows, known: Collection[int] = (), threads: int = 1
) -> list[Mixture]:
    """The genomes among `subjects` with a part of another genus; of two foreign parts, the smaller one.

    `known` are mixtures found before: a genome that shares k-mers only with mixtures shares its own.
    """
    candidates = [row for row in subjects.tolist() if shared.sources(row, LEAST / 2)]
    starts = range(0, len(candidates), LOOK_GENOMES)

    def examine(number: int) -> list[list[Mixture]]:
        block = candidates[starts[number] : starts[number] + LOOK_GENOMES]
        parts = [_foreign_parts(shared, row) for row in block]
        shared.contents.references.let_go()
        return parts

    genomes = [parts for block in in_threads(examine, len(starts), threads) for parts in block if parts]
    mixtures = {parts[0].row for parts in genomes} | set(known)
    confirmed = (
        [part for part in parts if part.from_elsewhere or part.source_row not in mixtures]
        for parts in genomes
    )
    return [parts[0] for parts in confirmed if parts]


def _foreign_parts(shared: SharedKmers, row: int) -> list[Mixture]:
    """A genome's parts of other genera, the smallest first, each with the genome that has most of it.

    Those whose source is known come first.
    """
    others = shared.sources(row, LEAST / 2)
    sketches = [shared.hashes(other) for other in others]
    starts = np.cumsum([0, *(len(sketch) for sketch in sketches)])
    share, back = shared_both_ways(shared.hashes(row), np.concatenate(sketches), starts)
    likely = np.flatnonzero((share >= LEAST) & (share <= MOST) & (back <= MOST)).tolist()
    if not likely:
        return []
    in_one_part = _patches(shared, row, [sketches[at] for at in likely], [others[at] for at in likely])
    largest: dict[int, Mixture] = {}
    for at in sorted((at for at, patch in zip(likely, in_one_part, strict=True) if patch), key=share.item):
        inside = shared_with(shared.hashes(row), sketches[at])
        direction = shared.direction(row, others[at], inside)
        if direction in MIXED or (direction is Direction.UNKNOWN and _is_less_even(shared, row, others[at])):
            from_elsewhere = direction is Direction.ELSEWHERE
            largest[shared.genus(others[at])] = Mixture(row, others[at], float(share[at]), from_elsewhere)
    return sorted(largest.values(), key=lambda part: (part.from_elsewhere, part.share))


def _patches(shared: SharedKmers, row: int, sketches: Sequence[Hashes], others: Sequence[int]) -> list[bool]:
    """Whether the k-mers shared with each genome are in one part; by windows if the genome is small."""
    references, spec = shared.contents.references, shared.contents.spec
    own = shared.hashes(row)
    if references.is_small(row):
        genome = references.genome(row)
        assert genome is not None  # an index has the bases of small genomes
        bases = b"N".join(contig.sequence for contig in genome.contigs)
        ends = np.arange(WINDOWS + 1) * len(bases) // WINDOWS
        places, window = shared.places(row, bases, ends)
        return [patchy(own, theirs, places, window) for theirs in sketches]
    pairs = shared.contents.pairs.get(keys_of(np.full(len(others), row), np.array(others)))
    return [
        ani >= PATCH_ANI and shared_with(own, theirs).mean() <= PATCH_AF * (ani / 100) ** spec.sketch_k
        for ani, theirs in zip(pairs[:, 0].tolist(), sketches, strict=True)
    ]


def _is_less_even(shared: SharedKmers, row: int, other: int) -> bool:
    """Whether a genome is the less uniform of two; it decides where there are no relatives."""
    return _unevenness(shared, row) > _unevenness(shared, other)


def _unevenness(shared: SharedKmers, row: int) -> float:
    """Mean distance of a genome's windows from their mean, in 4-mer frequencies."""
    windows = decode_windows(shared.contents.references.windows(row))
    return float(np.linalg.norm(windows - windows.mean(axis=0), axis=1).mean())


@kernel
def shared_both_ways(own: Hashes, joined: Hashes, starts: Rows) -> tuple[Doubles, Doubles]:
    """Share of a genome's k-mers that each of K others has, and of theirs that it has: (H,) -> (K,), (K,).

    `joined` are the sketches of the others, one after the other, with their `starts` and the last one's end.
    """
    share, back = np.zeros(starts.size - 1), np.zeros(starts.size - 1)
    for at in range(starts.size - 1):
        common = shared_with(own, joined[starts[at] : starts[at + 1]]).sum()
        share[at] = common / max(1, own.size)
        back[at] = common / max(1, starts[at + 1] - starts[at])
    return share, back


@kernel
def patchy(own: Hashes, theirs: Hashes, places: Rows, window: Rows) -> bool:
    """Whether some windows are completely in the other genome, and the others share hardly anything with it.

    `places` are the k-mers of the windows, as places in the genome's own sketch.
    """
    inside = shared_with(own, theirs)
    size, count = np.zeros(WINDOWS), np.zeros(WINDOWS)
    for at in range(places.size):
        size[window[at]] += 1
        count[window[at]] += inside[places[at]]
    judged = size >= LEAST_KMERS
    share = count[judged] / size[judged]
    rest = np.sort(share[share < WHOLE])[:-2]  # the stretch ends within two windows
    return (share >= WHOLE).sum() >= LEAST_FOREIGN and rest.size > 0 and rest.mean() <= THIN
