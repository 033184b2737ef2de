"""Which references are mixtures: a part of one genome, the rest of another.

Two genomes of different genera that share words share them thinly, all along. A mixture shares one stretch
with its source, whole, and nothing beside. Which of the two is the mixture is told by third genomes: the kin
of a true genome shares words inside and outside of the stretch alike, that of a mixture only outside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.index import Index
from genome_index.levels import UNKNOWN
from genome_index.pairs import held, keys_of
from genome_index.portraits import decode_windows
from genome_index.records import Contig, Genome
from genome_index.sharing import sharers
from genome_index.sketches import hash_sketch

Rows = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]

LEAST, MOST = 0.12, 0.85  # share of a genome's words that a part of it has; more is the same genome
WINDOWS = 20  # that a small genome is cut into
LEAST_WORDS = 8  # of a window, to be judged
WHOLE = 0.9  # share of a window's words from which on it is taken from the other genome ...
LEAST_TAKEN = 2  # ... so many of them ...
THIN = 0.1  # ... while the rest shares no more than this with it
PATCH_ANI, PATCH_AF = 97.0, 0.7  # of a large pair: as alike, but no further (share of words = AF * ANI ** k)
KIN = 0.3  # kin that is this much thinner inside the stretch than outside belongs to the rest
LEAST_KIN = 0.02  # share of the rest's words that kin must have, to say so


@dataclass(frozen=True)
class Mixture:
    """A reference, where a part of it comes from, and how large that part is."""

    row: int
    source_row: int
    share: float  # of its words


def find_mixtures(index: Index, rows: Rows) -> list[Mixture]:
    """References a part of which comes from another genus; where two parts are found, the smaller one."""
    near, share = sharers(index.references, rows)
    looked = _Looked(
        index, {row: line[line >= 0].tolist() for row, line in zip(rows.tolist(), near, strict=True)}
    )
    parts: dict[int, list[Mixture]] = {}
    for row, line, shares in zip(rows.tolist(), near.tolist(), share.tolist(), strict=True):
        likely = [one for one, rough in zip(line, shares, strict=True) if one >= 0 and rough >= LEAST / 2]
        found = [looked.mixture(row, one) for one in likely if looked.of_other_genera(row, one)]
        parts[row] = _by_genus(looked, [part for part in found if part is not None])
    mixed = {row for row, found in parts.items() if found}
    # Who shares only with mixtures shares what is its own.
    true = ([part for part in found if part.source_row not in mixed] for found in parts.values())
    return [found[0] for found in true if found]


def _by_genus(looked: _Looked, parts: list[Mixture]) -> list[Mixture]:
    """Of each genus the genome that has most of its part, the smallest part first."""
    largest: dict[int, Mixture] = {}
    for part in sorted(parts, key=lambda part: part.share):
        largest[looked.genus(part.source_row)] = part
    return sorted(largest.values(), key=lambda part: part.share)


class _Looked:
    """Sketches and windows of references, read once."""

    def __init__(self, index: Index, sharing: Mapping[int, Sequence[int]]) -> None:
        self._index, self._pairs, self._sharing = index, index.pairs(), sharing
        self._genus = index.model.levels["genus"].codes if "genus" in index.model.levels else None
        self._words: dict[int, Words] = {}
        self._windows: dict[int, tuple[Words, Rows] | None] = {}

    def genus(self, row: int) -> int:
        return UNKNOWN if self._genus is None else int(self._genus[row])

    def of_other_genera(self, a: int, b: int) -> bool:
        """Whether they are named as of two genera; what has no name is not known to be of another."""
        return UNKNOWN not in (self.genus(a), self.genus(b)) and self.genus(a) != self.genus(b)

    def words(self, row: int) -> Words:
        if row not in self._words:
            self._words[row] = self._index.references.hashes(row)
        return self._words[row]

    def mixture(self, row: int, other: int) -> Mixture | None:
        """`row` as a mixture with a part of `other`, or nothing."""
        own, theirs = self.words(row), self.words(other)
        inside = held(own, theirs)
        share, back = inside.mean(), inside.sum() / max(1, len(theirs))
        if not (LEAST <= share <= MOST and back <= MOST and self._patchy(row, other, inside)):
            return None
        return Mixture(row, other, float(share)) if self._is_the_mixture(row, other, inside) else None

    def _patchy(self, row: int, other: int, inside: Flags) -> bool:
        """Whether the shared words lie in one part; by windows where the genome's bases are kept."""
        cut = self._window_of_words(row)
        if cut is None:
            ani = float(self._pairs.get(keys_of(np.array([row]), np.array([other])))[0, 0])
            expected = (ani / 100) ** self._index.spec.sketch_k
            return ani >= PATCH_ANI and float(inside.mean()) <= PATCH_AF * expected
        return patchy(*cut, self.words(other))

    def _window_of_words(self, row: int) -> tuple[Words, Rows] | None:
        """A small genome's words and the window each lies in."""
        if row not in self._windows:
            genome = self._index.references.genome(row) if self._index.references.is_small(row) else None
            self._windows[row] = cut_words(genome, self._index) if genome is not None else None
        return self._windows[row]

    def _is_the_mixture(self, row: int, other: int, inside: Flags) -> bool:
        """Whose kin is missing inside; where neither has kin to ask, the genome that is less of one piece."""
        back = held(self.words(other), self.words(row))
        ours, theirs = self._thinning(row, other, inside), self._thinning(other, row, back)
        if ours is not None and theirs is not None:
            return ours < theirs
        if ours is not None:
            return ours < KIN
        if theirs is not None:
            return theirs >= KIN
        return self._unevenness(row) > self._unevenness(other)

    def _thinning(self, row: int, other: int, inside: Flags) -> float | None:
        """Share of the words inside by that outside, of the kin nearest outside, not of the genus of `other`.

        1 for a true genome, 0 for a mixture; None without kin.
        """
        near = [one for one in self._index.model.around.rows[row].tolist() if one >= 0]
        best, found = LEAST_KIN, None
        for one in {*self._sharing.get(row, ()), *near} - {row, other}:
            if not self._index.model.live[one] or not self.of_other_genera(one, other):
                continue
            shared = held(self.words(row), self.words(one))
            outer = float(shared[~inside].mean())
            if outer > best and outer * inside.sum() >= LEAST_WORDS:
                best, found = outer, float(shared[inside].mean()) / outer
        return found

    def _unevenness(self, row: int) -> float:
        """Mean distance of a genome's windows from their mean, in 4-mers."""
        windows = decode_windows(self._index.references.windows(row))
        return float(np.linalg.norm(windows - windows.mean(axis=0), axis=1).mean())


def cut_words(genome: Genome, index: Index) -> tuple[Words, Rows]:
    """A genome's words and the window that each lies in: (W,), (W,)."""
    whole = b"N".join(contig.sequence for contig in genome.contigs)
    ends = np.linspace(0, len(whole), WINDOWS + 1).astype(int)
    parts = [
        hash_sketch(Genome("", (Contig("", whole[start:end]),), ""), index.spec)
        for start, end in zip(ends[:-1], ends[1:], strict=True)
    ]
    return np.concatenate(parts), np.repeat(np.arange(WINDOWS), [len(part) for part in parts])


def patchy(words: Words, window: Rows, theirs: Words) -> bool:
    """Whether some windows are the other genome's, whole, and the others hardly share anything with it."""
    size = np.bincount(window, minlength=WINDOWS)
    judged = size >= LEAST_WORDS
    share = np.bincount(window, held(words, theirs), minlength=WINDOWS)[judged] / size[judged]
    taken = share >= WHOLE
    rest = np.sort(share[~taken])[:-2]  # the window at either end of the stretch is half and half
    return bool(taken.sum() >= LEAST_TAKEN and len(rest) and rest.mean() <= THIN)
