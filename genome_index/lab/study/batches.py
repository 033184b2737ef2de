"""Fragments of a corpus as batches of a study; each batch is a function of part, seed and step."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from genome_index.lab.architectures.table import Direction
from genome_index.lab.corpus.sampling import Fragments
from genome_index.lab.corpus.shards import Shards
from genome_index.lab.corpus.split import Part
from genome_index.lab.losses.reading import TokenBatch, masked_batch, next_batch
from genome_index.lab.tokenizers.kmers import KnownBases
from genome_index.lab.training.token_batches import masked_tokens

EXAMINED_SEED = 0  # of validation and test fragments, the same for all runs
EXAMINED_TEMPERATURE = 0.0  # each species as often as another


@dataclass(frozen=True)
class StudyBatches:
    """Batches of a part."""

    shards: Shards
    part: Part
    direction: Direction
    length: int
    size: int
    seed: int = EXAMINED_SEED
    temperature: float = EXAMINED_TEMPERATURE

    @cached_property
    def _fragments(self) -> Fragments:
        return self.shards.fragments(self.part, self.length, self.seed, self.temperature)

    def at(self, step: int) -> TokenBatch:
        """B fragments, on one of their strands by chance."""
        drawn = (self._fragments.at(step * self.size + row) for row in range(self.size))
        ids = np.stack([KnownBases().ids(fragment.codes) for fragment in drawn])
        if self.direction == "causal":
            return next_batch(torch.from_numpy(ids))
        draws = np.random.default_rng([self.seed, step])
        inputs, targets = masked_tokens(ids, draws, KnownBases.vocabulary)
        return masked_batch(torch.from_numpy(ids), inputs, targets >= 0)
