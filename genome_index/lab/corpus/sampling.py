"""Endless streams of random fragments: fragment n depends only on the seed and n.

An interrupted run continues from its counter, and several workers can share the numbers. Random numbers come
from Philox (Salmon et al. 2011), which has a counter instead of a state; its raw output is the same in every
version of numpy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genome_index.errors import UsageError
from genome_index.lab.corpus.packing import OTHER, Codes, other_strand

Rows = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]
Window = Callable[[int, int, int], Codes]  # contig's row, start, end -> codes

MOST_OTHER = 0.5  # share of N in a fragment, as in a genome that is called: genome_index/quality.py
TRIES = 8  # draws of a place with fewer N; the last one is taken anyway
RAW_NUMBERS = 32  # drawn from Philox at once


class Fragment(NamedTuple):
    """A stretch of one contig, on a random strand."""

    genome: int  # its number in the corpus
    species: int  # its species' code
    start: int  # 0-based, on the forward strand of the genome's concatenated contigs
    codes: Codes  # (L,), of the drawn strand


Pair = tuple[Fragment, Fragment]


@dataclass(frozen=True)
class Ground:
    """The G genomes of a part to draw from, and the contigs of the whole corpus."""

    genomes: Rows  # (G,) their numbers in the corpus
    species: Rows  # (G,) the codes of their species
    first: Rows  # (G,) row of the first contig of each
    last: Rows  # (G,) row after its last contig
    lengths: Rows  # (C,) of all contigs, bp
    offsets: Rows  # (C,) where each contig begins within its genome

    def only(self, which: npt.NDArray[np.bool_]) -> Ground:
        chosen = (self.genomes[which], self.species[which], self.first[which], self.last[which])
        return Ground(*chosen, self.lengths, self.offsets)


class Draws:
    """Random integers for item n of a stream."""

    def __init__(self, seed: int, stream: int, n: int) -> None:
        # The low half of the counter is Philox's own: it counts up with every four words.
        self._source = np.random.Philox(key=[seed, stream], counter=[0, 0, n, 0])
        self._raw: list[int] = []

    def below(self, limit: int) -> int:
        """From 0 to limit - 1, uniform up to a part in 2 ** 64 / limit."""
        if not self._raw:
            self._raw = self._source.random_raw(RAW_NUMBERS).tolist()
        return self._raw.pop() * limit >> 64

    def share(self) -> float:
        """From 0 up to 1."""
        return self.below(2**53) / 2**53


class Balance:
    """Draws a species in proportion to its genomes ** temperature, then one of its genomes uniformly.

    At 1 all genomes are equally likely; at 0 all species are.
    """

    def __init__(self, species: Rows, temperature: float) -> None:
        order = np.argsort(species, kind="stable")
        _, starts, counts = np.unique(species[order], return_index=True, return_counts=True)
        self._members, self._starts, self._counts = order, starts, counts
        self.shares: Doubles = counts.astype(np.float64) ** temperature  # (S,) of the species, by code
        self.shares /= self.shares.sum()
        self._ends = np.cumsum(self.shares)

    def draw(self, draws: Draws) -> int:
        return self.members(draws)[1]

    def members(self, draws: Draws) -> tuple[Rows, int]:
        """All genomes of a drawn species, as positions, and one of them."""
        at = min(int(np.searchsorted(self._ends, draws.share(), "right")), len(self._ends) - 1)
        own = self._members[self._starts[at] : self._starts[at] + self._counts[at]]
        return own, int(own[draws.below(len(own))])


class Places:
    """The possible places of fragments of one length: within a contig."""

    def __init__(self, ground: Ground, length_bp: int) -> None:
        self.ground, self.length_bp = ground, length_bp
        # Number of windows in all contigs before each: (C + 1,).
        self.before = np.concatenate([[0], np.cumsum(np.maximum(ground.lengths - length_bp + 1, 0))])

    def has_one(self) -> npt.NDArray[np.bool_]:
        """Whether any contig is long enough: (G,)."""
        return np.asarray(self.before[self.ground.last] > self.before[self.ground.first])

    def has_two(self) -> npt.NDArray[np.bool_]:
        """Whether two fragments fit without overlap: (G,)."""
        fits = np.concatenate([[0], np.cumsum(self.ground.lengths // max(1, self.length_bp))])
        return np.asarray(fits[self.ground.last] - fits[self.ground.first] >= 2)

    def one(self, at: int, draws: Draws) -> tuple[int, int]:
        """A contig's row and a start within it, uniform over windows."""
        low, high = (int(self.before[row]) for row in (self.ground.first[at], self.ground.last[at]))
        return self._window(low + draws.below(high - low))

    def two(self, at: int, draws: Draws) -> tuple[tuple[int, int], tuple[int, int]]:
        """Two places without overlap."""
        contig, start = self.one(at, draws)
        if self.ground.lengths[contig] < 2 * self.length_bp:
            return (contig, start), self._elsewhere(at, contig, draws)
        other, there = self.one(at, draws)
        if other != contig:
            return (contig, start), (other, there)
        # Two starts in a contig shortened by one fragment; the later one is moved by a fragment's length.
        room = int(self.ground.lengths[contig]) - 2 * self.length_bp + 1
        low, high = sorted((draws.below(room), draws.below(room)))
        places = ((contig, low), (contig, high + self.length_bp))
        return places if draws.below(2) else (places[1], places[0])

    def _elsewhere(self, at: int, contig: int, draws: Draws) -> tuple[int, int]:
        """A window of the genome's other contigs."""
        low, high = (int(self.before[row]) for row in (self.ground.first[at], self.ground.last[at]))
        start, end = int(self.before[contig]), int(self.before[contig + 1])
        drawn = low + draws.below(high - low - (end - start))
        return self._window(drawn if drawn < start else drawn + end - start)

    def _window(self, number: int) -> tuple[int, int]:
        contig = int(np.searchsorted(self.before, number, "right")) - 1
        return contig, number - int(self.before[contig])


class Fragments(Iterator[Fragment]):
    """An endless stream of fragments; `position` is the number of the next one and may be set."""

    stream = 0

    def __init__(
        self, ground: Ground, window: Window, length_bp: int, seed: int, temperature: float, position: int = 0
    ) -> None:  # fmt: skip
        places = Places(ground, length_bp)
        self._places = Places(ground.only(_some(places.has_one(), length_bp, "one fragment")), length_bp)
        self.balance = Balance(self._places.ground.species, temperature)
        self._window, self._seed, self.position = window, seed, position

    def __next__(self) -> Fragment:
        self.position += 1
        return self.at(self.position - 1)

    def at(self, n: int) -> Fragment:
        """Fragment number n, independent of earlier calls."""
        draws = Draws(self._seed, self.stream, n)
        at = self.balance.draw(draws)
        for _ in range(TRIES):
            fragment = _read(self._places, self._window, at, self._places.one(at, draws), draws)
            if _is_known(fragment):
                break
        return fragment


class Pairs(Iterator[Pair]):
    """An endless stream of pairs of fragments without overlap; `position` as in `Fragments`.

    Both are of one genome; with `of_species`, of two genomes of a species, if it has two.
    """

    stream = 1

    def __init__(
        self, ground: Ground, window: Window, length_bp: int, seed: int, temperature: float,
        of_species: bool = False, position: int = 0,
    ) -> None:  # fmt: skip
        places = Places(ground, length_bp)
        one, two = places.has_one(), places.has_two()
        several = np.bincount(ground.species[one], minlength=int(ground.species.max(initial=0)) + 1) > 1
        usable = (one & several[ground.species]) | two if of_species else two
        self._places = Places(ground.only(_some(usable, length_bp, "two fragments")), length_bp)
        self.balance = Balance(self._places.ground.species, temperature)
        self._of_species, self._window = of_species, window
        self._seed, self.position = seed, position

    def __next__(self) -> Pair:
        self.position += 1
        return self.at(self.position - 1)

    def at(self, n: int) -> Pair:
        draws = Draws(self._seed, self.stream, n)
        own, a = self.balance.members(draws)
        b = self._other(own, a, draws) if self._of_species and len(own) > 1 else a
        for _ in range(TRIES):
            places = (
                self._places.two(a, draws)
                if a == b
                else (self._places.one(a, draws), self._places.one(b, draws))
            )
            first, second = (
                _read(self._places, self._window, at, place, draws)
                for at, place in zip((a, b), places, strict=True)
            )
            if _is_known(first) and _is_known(second):
                break
        return first, second

    @staticmethod
    def _other(own: Rows, a: int, draws: Draws) -> int:
        rest = own[own != a]
        return int(rest[draws.below(len(rest))])


def stacked(fragments: Sequence[Fragment]) -> tuple[Rows, Rows, Codes]:
    """B fragments as a batch: genomes (B,), species (B,), codes (B, L)."""
    genomes = np.array([one.genome for one in fragments], np.int64)
    species = np.array([one.species for one in fragments], np.int64)
    return genomes, species, np.stack([one.codes for one in fragments])


def _read(places: Places, window: Window, at: int, place: tuple[int, int], draws: Draws) -> Fragment:
    contig, start = place
    ground = places.ground
    codes = window(contig, start, start + places.length_bp)
    return Fragment(
        int(ground.genomes[at]), int(ground.species[at]), int(ground.offsets[contig]) + start,
        other_strand(codes) if draws.below(2) else codes,
    )  # fmt: skip


def _is_known(fragment: Fragment) -> bool:
    return int((fragment.codes == OTHER).sum()) <= MOST_OTHER * len(fragment.codes)


def _some(usable: npt.NDArray[np.bool_], length_bp: int, what: str) -> npt.NDArray[np.bool_]:
    if length_bp < 1:
        raise UsageError(f"fragments of {length_bp} bp: give a length of at least 1")
    if not usable.any():
        raise UsageError(
            f"none of the {len(usable):,} genomes has room for {what} of {length_bp:,} bp; "
            "choose a shorter length"
        )
    return usable
