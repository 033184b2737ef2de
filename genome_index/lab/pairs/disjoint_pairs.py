"""Pairs that lie apart: two fragments of one species that do not overlap.

They share its composition, and no place.
"""

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

DRAWS = 8  # pairs that are looked at for each that is kept, so that no two of a batch are of one genus
TEMPERATURE = 0.0  # of the sampling: each species as often as another


@dataclass(frozen=True)
class Species:
    """Pairs that lie apart, of one part, each batch a function of (seed, step) alone."""

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
        """What no two pairs of a batch share: a genome's genus, or its species where it has none."""
        numbers = self.shards.numbers(self.part).tolist()
        return {at: self.shards.genome(at).genus or int(self.shards.species[at]) for at in numbers}

    def at(self, step: int) -> tuple[list[Codes], list[Codes], np.random.Generator]:
        """Both sides of the pairs, (B,) each of one length, and the draws that go with the step.

        Each length meets each in turn.
        """
        count = len(self.lengths_bp)
        left, right = self.lengths_bp[step % count], self.lengths_bp[step // count % count]
        draws = np.random.default_rng([self.seed, step])
        chosen = self._chosen(self.streams[max(left, right)], step)
        ones = [_cut(pair[0].codes, left, draws) for pair in chosen]
        return ones, [_cut(pair[1].codes, right, draws) for pair in chosen], draws

    def _chosen(self, stream: Pairs, step: int) -> list[Pair]:
        found, most = dict[str | int, Pair](), min(self.size, len(set(self.genera.values())))
        for n in range(step * self.size * DRAWS, (step + 1) * self.size * DRAWS):
            pair = stream.at(n)
            found.setdefault(self.genera[pair[0].genome], pair)
            if len(found) == most:
                break
        require_genera(found, self.shards, self.part)
        return list(found.values())


def _cut(codes: Codes, length_bp: int, draws: np.random.Generator) -> Codes:
    start = int(draws.integers(len(codes) - length_bp + 1))
    return codes[start : start + length_bp]
