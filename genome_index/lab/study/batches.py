"""Fragments of a corpus as batches of a study; each batch is a function of part, seed and step."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from genome_index.lab.architectures.table import Direction
from genome_index.lab.corpus.packing import Codes
from genome_index.lab.corpus.sampling import Fragments, Rows
from genome_index.lab.corpus.shards import Shards
from genome_index.lab.corpus.split import Part
from genome_index.lab.losses.reading import TokenBatch, masked_batch, next_batch
from genome_index.lab.study.curriculum import MarkovModel, Stage, stage_at
from genome_index.lab.tokenizers.kmers import KnownBases
from genome_index.lab.training.token_batches import masked_tokens

EXAMINED_SEED = 0  # of validation and test fragments, the same for all runs
EXAMINED_TEMPERATURE = 0.0  # each species as often as another
COUNTED = 500  # fragments of the Markov model that says what is easy


@dataclass(frozen=True)
class StudyBatches:
    """Batches of a part; of the training part by the stages of a curriculum, and of some genomes alone."""

    shards: Shards
    part: Part
    direction: Direction
    length: int
    size: int
    seed: int = EXAMINED_SEED
    temperature: float = EXAMINED_TEMPERATURE
    curriculum: str = "none"
    steps: int = 1  # of the training, which the stages share
    among: Rows | None = None  # numbers of genomes; None: the whole part

    def at(self, step: int) -> TokenBatch:
        """B fragments, on one of their strands by chance."""
        rows = self._rows(step, stage_at(self.curriculum, step, self.steps))
        ids = np.stack([KnownBases().ids(codes) for codes in rows])
        if self.direction == "causal":
            return next_batch(torch.from_numpy(ids))
        draws = np.random.default_rng([self.seed, step])
        inputs, targets = masked_tokens(ids, draws, KnownBases.vocabulary)
        return masked_batch(torch.from_numpy(ids), inputs, targets >= 0)

    def _rows(self, step: int, stage: Stage) -> list[Codes]:
        """As many bases in each stage: shorter fragments are more."""
        length, rows = round(stage.share * self.length), round(self.size / stage.share)
        stream = self._fragments(length, self.temperature if stage.temperature is None else stage.temperature)
        first = step * rows * stage.drawn
        drawn = [stream.at(first + row).codes for row in range(rows * stage.drawn)]
        if stage.drawn == 1:
            return drawn
        groups = (drawn[at : at + stage.drawn] for at in range(0, len(drawn), stage.drawn))
        return [min(group, key=self._easy.bits) for group in groups]

    def _fragments(self, length: int, temperature: float) -> Fragments:
        key = length, temperature
        if key not in self._streams:
            self._streams[key] = self.shards.fragments(
                self.part, length, self.seed, temperature, among=self.among
            )
        return self._streams[key]

    @cached_property
    def _streams(self) -> dict[tuple[int, float], Fragments]:
        return {}

    @cached_property
    def _easy(self) -> MarkovModel:
        """A model of some fragments of the part."""
        stream = self._fragments(self.length, self.temperature)
        return MarkovModel([stream.at(number).codes for number in range(COUNTED)])
