"""Homologous pairs: a fragment as a search brings it, and the stretch of a genome that it should find.

Fragments of one genome that do not overlap share no more than its composition. Here the partner is a window
that holds the same place: of another genome of the genus, where enough words of the fragment are found there,
or of the fragment's own, and then the fragment is mutated, for otherwise the two agree to the letter.
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

WORD = 12  # bases; two windows of 2 kb share a fifth of a word by chance
SHARED = 16  # words at least that a place in another genome has to share
SEARCHED_BP = 300_000  # genomes longer than this are not looked through for a place


@dataclass(frozen=True)
class Homologous:
    """Pairs of one part, no two of a batch of one genus; each batch a function of (seed, step) alone."""

    shards: Shards
    part: Part
    lengths_bp: tuple[int, ...]
    size: int
    seed: int
    plan: ViewPlan = ViewPlan()

    @cached_property
    def genera(self) -> Sequence[Mapping[int, list[int]]]:
        """Of each genus (a species where it has none), the genomes of each species."""
        found: dict[str | int, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        for number in self.shards.numbers(self.part).tolist():
            species = int(self.shards.species[number])
            found[self.shards.genome(number).genus or species][species].append(number)
        require_genera(found, self.shards, self.part)
        return list(found.values())

    def at(self, step: int) -> tuple[list[Codes], list[Codes], np.random.Generator]:
        """Questions and their answers, (B,) each, and the draws that go with the step.

        Questions have each length in turn, answers the longest; what lies in a shorter contig is shorter.
        """
        draws = np.random.default_rng([self.seed, step])
        chosen = draws.permutation(len(self.genera))[: self.size]
        pairs = [self._pair(self.genera[at], self.lengths_bp[step % len(self.lengths_bp)], draws)
                 for at in chosen]  # fmt: skip
        return [one for one, _ in pairs], [other for _, other in pairs], draws

    def _pair(
        self, genus: Mapping[int, list[int]], length_bp: int, draws: np.random.Generator
    ) -> tuple[Codes, Codes]:
        species = sorted(genus)[int(draws.integers(len(genus)))]
        number = int(draws.choice(genus[species]))
        contigs = self.shards.contigs(number)
        contig, start = drawn_window([len(one) for one in contigs], length_bp, draws)
        question, answer = contigs[contig][start : start + length_bp], None
        mates = [one for other in genus if other != species for one in genus[other]]
        if mates and draws.random() >= self.plan.own:
            mate = self.shards.contigs(int(draws.choice(mates)))
            answer = alike(question, mate, max(self.lengths_bp), draws)
        if answer is None:
            answer = around(contigs[contig], start, len(question), max(self.lengths_bp), draws)
            question = mutated(question, draws.uniform(*self.plan.mutated), draws)
        return either_strand(question, draws), either_strand(answer, draws)


def around(contig: Codes, start: int, length_bp: int, window_bp: int, draws: np.random.Generator) -> Codes:
    """A window of a contig that holds a fragment: (L,) -> (window_bp,), or the contig if it is shorter."""
    first, last = max(0, start + length_bp - window_bp), max(0, min(start, len(contig) - window_bp))
    begin = int(draws.integers(min(first, last), last + 1))
    return contig[begin : begin + window_bp]


def alike(
    question: Codes, contigs: Sequence[Codes], window_bp: int, draws: np.random.Generator
) -> Codes | None:
    """The window that shares most words with a fragment, of either strand; None if none shares enough.

    Any of the windows that share as many may be drawn.
    """
    if sum(len(contig) for contig in contigs) > SEARCHED_BP:
        return None
    asked = np.unique(np.concatenate([words(question), words(other_strand(question))]))
    best, most = list[tuple[Codes, int]](), SHARED
    for contig in contigs:
        before = np.concatenate([[0], np.cumsum(_in(words(contig), asked))])
        span = max(0, window_bp - WORD + 1)
        shared = before[span:] - before[:-span] if len(before) > span else before[-1:]
        top = int(shared.max())
        if top >= most:
            best, most = best if top == most else [], top
            best += [(contig, int(begin)) for begin in np.flatnonzero(shared == top)]
    if not best:
        return None
    contig, begin = best[int(draws.integers(len(best)))]
    return contig[begin : begin + window_bp]


def words(codes: Codes) -> npt.NDArray[np.int64]:
    """The word that begins at each base, -1 where it has a letter that is none: (L,) -> (L - WORD + 1,)."""
    count = max(0, len(codes) - WORD + 1)
    found: npt.NDArray[np.int64] = np.zeros(count, np.int64)
    known: Flags = np.ones(count, np.bool_)
    for at in range(WORD):
        some = codes[at : at + count]
        found = 4 * found + some
        known &= some != OTHER
    found[~known] = -1
    return found


def _in(given: npt.NDArray[np.int64], asked: npt.NDArray[np.int64]) -> Flags:
    """Which words are among some sorted ones; -1 never is."""
    if not len(asked):
        return np.zeros(len(given), np.bool_)
    at = np.minimum(np.searchsorted(asked, given), len(asked) - 1)
    return np.asarray((asked[at] == given) & (given >= 0))
