"""Batches of fragments as tokens, and what is predicted in them: the next tokens, or masked ones.

next     causal: each token from those before it
masked   bidirectional: SHARE of the tokens, of which 80 % are masked, 10 % replaced, 10 % unchanged
         (Devlin et al. 2018, arXiv 1810.04805)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from genome_index.lab.corpus.sampling import Fragments
from genome_index.lab.corpus.shards import Shards
from genome_index.lab.corpus.split import Part
from genome_index.lab.performer.exact_gradients import IGNORED
from genome_index.lab.tokenizers.kmers import KmersApart, KmersOverlapping, LabTokenizer
from genome_index.lab.tokenizers.special_ids import CLS, MASK, SPECIAL, Ids
from genome_index.lab.training.model_sizes import framed

Objective = Literal["next", "masked"]
SHARE, MASKED, REPLACED = 0.15, 0.8, 0.1  # of all tokens; of these
VALIDATION_STEP = 2**32  # first step number of validation, so that it shares no seed with a training step

Read = Callable[[Ids, np.random.Generator], tuple[Tensor, Tensor]]  # ids (B, T) -> inputs, targets (B, T)


@dataclass(frozen=True)
class Batches:
    """Fragments of one part as tokens; each batch is a function of (seed, step)."""

    shards: Shards
    part: Part
    tokenizer: LabTokenizer
    length_bp: int
    size: int
    seed: int

    @cached_property
    def fragments(self) -> Fragments:
        return self.shards.fragments(self.part, self.length_bp, self.seed)

    def at(self, step: int) -> tuple[Ids, np.random.Generator]:
        """(B, T) ids, rows cut to the shortest of them, and the random generator of the step."""
        draws = np.random.default_rng([self.seed, step])
        drawn = (self.fragments.at(step % VALIDATION_STEP * self.size + row) for row in range(self.size))
        rows = [framed(fragment.codes, self.tokenizer, draws) for fragment in drawn]
        shortest = min(len(row) for row in rows)
        return np.stack([row[:shortest] for row in rows]), draws

    @cached_property
    def tokens(self) -> int:
        """T of the first batch; with k-mers side by side, other batches have one more or less."""
        return int(self.at(0)[0].shape[1])


def reader(tokenizer: LabTokenizer, objective: Objective) -> Read:
    """The function from ids to inputs and targets."""
    if objective == "next":
        return next_tokens
    # An overlapping k-mer could be read off its neighbours, so all k-mers with one base are masked together.
    span = tokenizer.k if isinstance(tokenizer, KmersOverlapping) else 1
    return lambda ids, draws: masked_tokens(ids, draws, tokenizer.vocabulary, span)


def predicted_bases(tokenizer: LabTokenizer, objective: Objective) -> npt.NDArray[np.int64]:
    """The bases that each token predicts: (V,).

    Of next tokens those that it adds, which is one for an overlapping k-mer. Of masked ones all that it
    holds, because overlapping k-mers are masked together.
    """
    if objective == "masked" and isinstance(tokenizer, KmersOverlapping):
        return KmersApart(tokenizer.k).lengths  # with the same ids
    return tokenizer.lengths


def next_tokens(ids: Ids, draws: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Inputs shifted by one, with <cls> first; each target is the token after its input."""
    inputs = np.concatenate([np.full((len(ids), 1), CLS), ids[:, :-1]], axis=1)
    return torch.from_numpy(inputs), torch.from_numpy(ids)


def masked_tokens(
    ids: Ids, draws: np.random.Generator, vocabulary: int, span: int = 1
) -> tuple[Tensor, Tensor]:
    """Inputs with some tokens masked, in runs of `span`; at least one in a batch."""
    starts = draws.random(ids.shape) < SHARE / span
    starts[0, 0] |= not starts.any()
    chosen = starts.copy()
    for at in range(1, span):
        chosen[:, at:] |= starts[:, :-at]
    change = draws.random(ids.shape)
    other = draws.integers(len(SPECIAL), vocabulary, ids.shape)
    inputs = np.where(chosen & (change < MASKED), MASK, ids)
    inputs = np.where(chosen & (change >= MASKED) & (change < MASKED + REPLACED), other, inputs)
    return torch.from_numpy(inputs), torch.from_numpy(np.where(chosen, ids, IGNORED))
