"""Homologous pairs: a query fragment, and a window of a genome that contains the same locus.

Fragments of one genome without overlap share only its composition. Here the window is of another genome of
the genus, if one shares enough k-mers with the fragment, or of the fragment's own genome; in that case the
fragment is mutated, because the two would otherwise be identical.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from genome_index.io.sequence import drawn_window
from genome_index.lab.corpus.packing import OTHER, Codes, other_strand
from genome_index.lab.corpus.shards import Shards
from genome_index.lab.corpus.split import Part
from genome_index.lab.pairs.profile_pairs import ViewPlan, either_strand, mutated, require_genera

Flags = npt.NDArray[np.bool_]

K = 12  # bases of a k-mer; two windows of 2 kb share 0.2 of them by chance
LEAST_SHARED = 16  # k-mers that a locus in another genome must share
SEARCHED_BP = 300_000  # longer genomes are not searched for a locus


@dataclass(frozen=True)
class Homologous:
    """Pairs of one part, no two of a batch of one genus; each batch is a function of (seed, step)."""

    shards: Shards
    part: Part
    lengths_bp: tuple[int, ...]
    size: int
    seed: int
    plan: ViewPlan = ViewPlan()

    @cached_property
    def genera(self) -> Sequence[Mapping[int, list[int]]]:
        """By genus (or species without a genus), the genomes of each species."""
        genera: dict[str | int, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        for number in self.shards.numbers(self.part).tolist():
            species = int(self.shards.species[number])
            genera[self.shards.genome(number).genus or species][species].append(number)
        require_genera(genera, self.shards, self.part)
        return list(genera.values())

    def at(self, step: int) -> tuple[list[Codes], list[Codes], np.random.Generator]:
        """Queries and their targets, (B,) each, and the random generator of the step.

        Queries have each length in turn, targets the longest; in a shorter contig both are shorter.
        """
        draws = np.random.default_rng([self.seed, step])
        chosen = draws.permutation(len(self.genera))[: self.size]
        pairs = [self._pair(self.genera[at], self.lengths_bp[step % len(self.lengths_bp)], draws)
                 for at in chosen]  # fmt: skip
        return [query for query, _ in pairs], [target for _, target in pairs], draws

    def _pair(
        self, genus: Mapping[int, list[int]], length_bp: int, draws: np.random.Generator
    ) -> tuple[Codes, Codes]:
        species = sorted(genus)[int(draws.integers(len(genus)))]
        number = int(draws.choice(genus[species]))
        contigs = self.shards.contigs(number)
        contig, start = drawn_window([len(codes) for codes in contigs], length_bp, draws)
        query, target = contigs[contig][start : start + length_bp], None
        relatives = [number for other in genus if other != species for number in genus[other]]
        if relatives and draws.random() >= self.plan.own:
            relative = self.shards.contigs(int(draws.choice(relatives)))
            target = homologous_window(query, relative, max(self.lengths_bp), draws)
        if target is None:
            target = window_with(contigs[contig], start, len(query), max(self.lengths_bp), draws)
            query = mutated(query, draws.uniform(*self.plan.mutated), draws)
        return either_strand(query, draws), either_strand(target, draws)


def window_with(
    contig: Codes, start: int, length_bp: int, window_bp: int, draws: np.random.Generator
) -> Codes:
    """A random window of a contig that contains a fragment: (L,) -> (window_bp,), or a shorter contig."""
    first, last = max(0, start + length_bp - window_bp), max(0, min(start, len(contig) - window_bp))
    begin = int(draws.integers(min(first, last), last + 1))
    return contig[begin : begin + window_bp]


def homologous_window(
    query: Codes, contigs: Sequence[Codes], window_bp: int, draws: np.random.Generator
) -> Codes | None:
    """The window that shares most k-mers with a fragment, on either strand; None if none shares enough.

    Among equal windows one is drawn.
    """
    if sum(len(contig) for contig in contigs) > SEARCHED_BP:
        return None
    query_kmers = np.unique(np.concatenate([kmers(query), kmers(other_strand(query))]))
    best, most = list[tuple[Codes, int]](), LEAST_SHARED
    for contig in contigs:
        before = np.concatenate([[0], np.cumsum(_in(kmers(contig), query_kmers))])
        span = max(0, window_bp - K + 1)
        shared = before[span:] - before[:-span] if len(before) > span else before[-1:]
        top = int(shared.max())
        if top >= most:
            best, most = best if top == most else [], top
            best += [(contig, int(begin)) for begin in np.flatnonzero(shared == top)]
    if not best:
        return None
    contig, begin = best[int(draws.integers(len(best)))]
    return contig[begin : begin + window_bp]


def kmers(codes: Codes) -> npt.NDArray[np.int64]:
    """The k-mer that begins at each base, -1 if it has another character: (L,) -> (L - K + 1,)."""
    count = max(0, len(codes) - K + 1)
    numbers: npt.NDArray[np.int64] = np.zeros(count, np.int64)
    known: Flags = np.ones(count, np.bool_)
    for at in range(K):
        bases = codes[at : at + count]
        numbers = 4 * numbers + bases
        known &= bases != OTHER
    numbers[~known] = -1
    return numbers


def _in(numbers: npt.NDArray[np.int64], ordered: npt.NDArray[np.int64]) -> Flags:
    """Whether each k-mer is among sorted ones; -1 never is."""
    if not len(ordered):
        return np.zeros(len(numbers), np.bool_)
    at = np.minimum(np.searchsorted(ordered, numbers), len(ordered) - 1)
    return np.asarray((ordered[at] == numbers) & (numbers >= 0))
