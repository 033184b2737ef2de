"""Pretraining of a SLiM Performer on a corpus without labels, by next or by masked tokens.

    next     causal: each token from those before it. A fragment of more than CHUNK tokens is read piece by
             piece (exact_gradients.py), so that memory does not depend on its length
    masked   bidirectional: SHARE of the tokens, of which 80 % are masked, 10 % replaced, 10 % unchanged
             (Devlin et al. 2018, arXiv 1810.04805)

The hidden states become vectors; the head that predicts tokens is not saved.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from shlex import quote
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from genome_index.encoders.batching import best_device
from genome_index.encoders.networks.performer import SlimPerformer
from genome_index.errors import UsageError
from genome_index.lab.corpus.sampling import Fragments
from genome_index.lab.corpus.shards import Shards
from genome_index.lab.corpus.split import Part
from genome_index.lab.performer.exact_gradients import IGNORED, exact_gradients
from genome_index.lab.tokenizers.kmers import KmersOverlapping, LabTokenizer
from genome_index.lab.tokenizers.special_ids import CLS, MASK, SPECIAL, Ids
from genome_index.lab.training.model_sizes import (
    DEFAULT_TOKENIZER,
    FEATURES,
    check_length,
    choose_tokenizer,
    framed,
    model_size,
    redrawn,
    save_model,
    schedule_of,
)
from genome_index.lab.training.runs import Card, Display, train, write_card
from genome_index.records import Progress, quiet

Objective = Literal["next", "masked"]
LENGTH_BP = 2_000
RATE = 1e-3
SHARE, MASKED, REPLACED = 0.15, 0.8, 0.1  # of all tokens; of these
CHUNK = 512  # tokens; longer fragments are read piece by piece
EXAMINED = 64  # validation fragments
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


def pretrain(
    corpus: Path, out: Path, objective: Objective = "masked", size: str = "small",
    length_bp: int = LENGTH_BP, tokenizer: str = DEFAULT_TOKENIZER, steps: int = 0, rate: float = RATE,
    seed: int = 0, features: str = FEATURES, progress: Progress = quiet,
) -> Card:  # fmt: skip
    """Train a network on a corpus, or continue; `out` becomes a model folder, with the run's files.

    Raises
    ------
    UsageError, InputError, ModelError
    """
    if objective not in get_args(Objective):
        raise UsageError(f"--objective {objective}: choose {' or '.join(get_args(Objective))}")
    check_length(length_bp)
    settings, shards = model_size(size), Shards.open(corpus)
    chosen = choose_tokenizer(tokenizer, shards, seed)
    batches = Batches(shards, "train", chosen, length_bp, settings.fragments, seed)
    network = settings.network(chosen.vocabulary, objective == "next", True, seed, features)
    network.to(best_device().name)
    loss_at, plan = loss_of_step(network, batches, objective), schedule_of(settings, steps, rate, seed)
    ids, _ = batches.at(0)
    bases_per_token = len(chosen.codes(ids.reshape(-1))) / ids.size
    command = (
        f"gindex lab pretrain {quote(str(corpus))} --out {quote(str(out))} --objective {objective} "
        f"--size {size} --length {length_bp} --tokenizer {quote(tokenizer)} --steps {plan.steps} "
        f"--rate {rate} --seed {seed} --features {features}"
    )
    display = Display("bits a base", 1 / math.log(2) / bases_per_token, ids.size, command)
    data = _data(batches, network, objective, tokenizer)
    card = train(out, network, loss_at, plan, data, progress, display)
    save_model(network, chosen, out, batches.tokens)
    if len(shards.numbers("validation")):
        examined = replace(batches, part="validation")
        bits = bits_per_base(network, examined, objective)
        card = replace(card, scores={"bits a base, validation": bits})
        write_card(card, out)
    return card


def loss_of_step(
    network: SlimPerformer, batches: Batches, objective: Objective, chunk: int = CHUNK
) -> Callable[[int], Tensor | float]:
    """The function from a step to its loss for `runs.train`; for long fragments it adds the gradients."""
    read = reader(batches.tokenizer, objective)

    def loss_at(step: int) -> Tensor | float:
        redrawn(network, batches.seed, step)
        inputs, targets = (part.to(_device(network)) for part in read(*batches.at(step)))
        if objective == "next" and inputs.shape[1] > chunk:
            return exact_gradients(network, inputs, targets, chunk)
        return mean_loss(network, inputs, targets)

    return loss_at


def reader(tokenizer: LabTokenizer, objective: Objective) -> Read:
    """The function from ids to inputs and targets."""
    if objective == "next":
        return next_tokens
    # An overlapping k-mer could be read off its neighbours, so all k-mers with one base are masked together.
    span = tokenizer.k if isinstance(tokenizer, KmersOverlapping) else 1
    return lambda ids, draws: masked_tokens(ids, draws, tokenizer.vocabulary, span)


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


def mean_loss(network: SlimPerformer, inputs: Tensor, targets: Tensor) -> Tensor:
    """Nats per target token, with logits of these tokens alone: (B, T), (B, T) -> ()."""
    counted = targets != IGNORED
    return cross_entropy(network.logits(network(inputs)[counted]).float(), targets[counted])


def bits_per_base(network: SlimPerformer, batches: Batches, objective: Objective) -> float:
    """Cross-entropy of the target tokens per base, over EXAMINED fragments, the same each time."""
    read, nats, bases = reader(batches.tokenizer, objective), 0.0, 0
    with torch.inference_mode():
        for step in range(VALIDATION_STEP, VALIDATION_STEP + -(-EXAMINED // batches.size)):
            inputs, targets = (part.to(_device(network)) for part in read(*batches.at(step)))
            tokens = targets[targets != IGNORED].cpu().numpy()
            nats += _nats(network, inputs, targets)
            bases += len(batches.tokenizer.codes(tokens))
    return nats / math.log(2) / bases


def _nats(network: SlimPerformer, inputs: Tensor, targets: Tensor) -> float:
    """The sum over all target tokens; a causal network reads piece by piece here too."""
    if not network.config.causal:
        return mean_loss(network, inputs, targets).item() * int((targets != IGNORED).sum())
    state, nats = network.start(len(inputs)), 0.0
    for piece, expected in zip(torch.split(inputs, CHUNK, 1), torch.split(targets, CHUNK, 1), strict=True):
        hidden, state = network.step(piece, state)
        logits = network.logits(hidden).flatten(0, 1).float()
        nats += cross_entropy(logits, expected.flatten(), reduction="sum").item()
    return nats


def _data(batches: Batches, network: SlimPerformer, objective: str, tokenizer: str) -> str:
    """The data of a run: a run continues only with the same."""
    of = f"{batches.shards.digest} {objective} {batches.length_bp} bp {batches.size} fragments"
    return f"{of} {tokenizer} {asdict(network.config)}"


def _device(network: SlimPerformer) -> torch.device:
    return network.embedding.weight.device
