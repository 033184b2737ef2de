"""Disjoint pairs: two fragments of one species without overlap, which share composition but no locus."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from genome_index.lab.corpus.packing import Codes
from genome_index.lab.corpus.sampling import Pair, Pairs
from genome_index.lab.corpus.shards import Shards
from genome_index.lab.corpus.split import Part
from genome_index.lab.pairs.profile_pairs import require_genera

DRAWS = 8  # pairs drawn for each that is used, so that no two of a batch are of one genus
TEMPERATURE = 0.0  # of the sampling: all species are equally likely


@dataclass(frozen=True)
class Species:
    """Disjoint pairs of one part; each batch is a function of (seed, step)."""

    shards: Shards
    part: Part
    lengths_bp: tuple[int, ...]
    size: int
    seed: int

    @cached_property
    def streams(self) -> Mapping[int, Pairs]:
        return {
            bp: self.shards.pairs(self.part, bp, self.seed, TEMPERATURE, of_species=True)
            for bp in self.lengths_bp
        }

    @cached_property
    def genera(self) -> Mapping[int, str | int]:
        """The name that no two pairs of a batch share: a genome's genus, or its species without a genus."""
        numbers = self.shards.numbers(self.part).tolist()
        return {at: self.shards.genome(at).genus or int(self.shards.species[at]) for at in numbers}

    def at(self, step: int) -> tuple[list[Codes], list[Codes], np.random.Generator]:
        """Both sides of the pairs, (B,) each of one length, and the random generator of the step.

        Over the steps, each length is paired with each.
        """
        count = len(self.lengths_bp)
        left, right = self.lengths_bp[step % count], self.lengths_bp[step // count % count]
        draws = np.random.default_rng([self.seed, step])
        chosen = self._chosen(self.streams[max(left, right)], step)
        ones = [_cut(pair[0].codes, left, draws) for pair in chosen]
        return ones, [_cut(pair[1].codes, right, draws) for pair in chosen], draws

    def _chosen(self, stream: Pairs, step: int) -> list[Pair]:
        chosen, most = dict[str | int, Pair](), min(self.size, len(set(self.genera.values())))
        for n in range(step * self.size * DRAWS, (step + 1) * self.size * DRAWS):
            pair = stream.at(n)
            chosen.setdefault(self.genera[pair[0].genome], pair)
            if len(chosen) == most:
                break
        require_genera(chosen, self.shards, self.part)
        return list(chosen.values())


def _cut(codes: Codes, length_bp: int, draws: np.random.Generator) -> Codes:
    start = int(draws.integers(len(codes) - length_bp + 1))
    return codes[start : start + length_bp]
