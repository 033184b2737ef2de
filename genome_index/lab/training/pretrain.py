"""Pretraining a SLiM Performer on a corpus without labels: it learns which words follow, or are missing.

    next     causal: each token from those before it. A fragment of more than CHUNK tokens is read piece by
             piece (`exact.py`), so that memory does not depend on its length
    masked   both ways: SHARE of the tokens, of which 80 % are hidden, 10 % another word, 10 % left as they
             are (Devlin et al. 2018, arXiv 1810.04805)

Either is for hidden states, which become vectors; what predicts tokens is not kept.
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
    dial_of,
    framed,
    redrawn,
    save_model,
    schedule_of,
)
from genome_index.lab.training.runs import Card, Told, train, write_card
from genome_index.records import Progress, quiet

Objective = Literal["next", "masked"]
LENGTH_BP = 2_000
RATE = 1e-3
SHARE, HIDDEN, SWAPPED = 0.15, 0.8, 0.1  # of all tokens; of those
CHUNK = 512  # tokens; longer fragments are read piece by piece
EXAMINED = 64  # validation fragments
LATER = 2**32  # seeds of what is examined begin here, so that no step shares one

Read = Callable[[Ids, np.random.Generator], tuple[Tensor, Tensor]]  # ids (B, T) -> inputs, targets (B, T)


@dataclass(frozen=True)
class Batches:
    """Fragments of one part as tokens, each batch a function of (seed, step) alone."""

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
        """(B, T) ids, rows cut to the shortest of them, and the draws that go with the step."""
        draws = np.random.default_rng([self.seed, step])
        drawn = (self.fragments.at(step % LATER * self.size + row) for row in range(self.size))
        rows = [framed(one.codes, self.tokenizer, draws) for one in drawn]
        shortest = min(len(row) for row in rows)
        return np.stack([row[:shortest] for row in rows]), draws

    @cached_property
    def tokens(self) -> int:
        """T of the first batch; of words that do not overlap, others have one more or less."""
        return int(self.at(0)[0].shape[1])


def pretrain(
    corpus: Path, out: Path, objective: Objective = "masked", size: str = "small",
    length_bp: int = LENGTH_BP, tokenizer: str = DEFAULT_TOKENIZER, steps: int = 0, rate: float = RATE,
    seed: int = 0, features: str = FEATURES, progress: Progress = quiet,
) -> Card:  # fmt: skip
    """Train a network on a corpus, or go on; `out` then is a model folder, with the run beside.

    Raises
    ------
    UsageError, InputError, ModelError
    """
    if objective not in get_args(Objective):
        raise UsageError(f"--objective {objective}: choose {' or '.join(get_args(Objective))}")
    check_length(length_bp)
    dial, shards = dial_of(size), Shards.open(corpus)
    words = choose_tokenizer(tokenizer, shards, seed)
    batches = Batches(shards, "train", words, length_bp, dial.fragments, seed)
    network = dial.network(words.vocabulary, objective == "next", True, seed, features)
    network.to(best_device().name)
    learn, plan = learner(network, batches, objective), schedule_of(dial, steps, rate, seed)
    ids, _ = batches.at(0)
    a_token = len(words.codes(ids.reshape(-1))) / ids.size  # bases
    command = (
        f"gindex lab pretrain {quote(str(corpus))} --out {quote(str(out))} --objective {objective} "
        f"--size {size} --length {length_bp} --tokenizer {quote(tokenizer)} --steps {plan.steps} "
        f"--rate {rate} --seed {seed} --features {features}"
    )
    told = Told("bits a base", 1 / math.log(2) / a_token, ids.size, command)
    card = train(out, network, learn, plan, _data(batches, network, objective, tokenizer), progress, told)
    save_model(network, words, out, batches.tokens)
    if len(shards.numbers("validation")):
        examined = replace(batches, part="validation")
        card = replace(card, scores={"bits a base, validation": bits_a_base(network, examined, objective)})
        write_card(card, out)
    return card


def learner(
    network: SlimPerformer, batches: Batches, objective: Objective, chunk: int = CHUNK
) -> Callable[[int], Tensor | float]:
    """What `runs.train` asks for a step's loss, or for its gradients where a fragment is long."""
    read = reader(batches.tokenizer, objective)

    def learn(step: int) -> Tensor | float:
        redrawn(network, batches.seed, step)
        inputs, targets = (one.to(_device(network)) for one in read(*batches.at(step)))
        if objective == "next" and inputs.shape[1] > chunk:
            return exact_gradients(network, inputs, targets, chunk)
        return mean_loss(network, inputs, targets)

    return learn


def reader(tokenizer: LabTokenizer, objective: Objective) -> Read:
    """Ids as what is read and what is asked."""
    if objective == "next":
        return following
    # A word that overlaps its neighbours could be read off them, so all that hold a base are hidden together.
    span = tokenizer.k if isinstance(tokenizer, KmersOverlapping) else 1
    return lambda ids, draws: hidden_words(ids, draws, tokenizer.vocabulary, span)


def following(ids: Ids, draws: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Each token is asked of those before it, the first of a token that begins."""
    inputs = np.concatenate([np.full((len(ids), 1), CLS), ids[:, :-1]], axis=1)
    return torch.from_numpy(inputs), torch.from_numpy(ids)


def hidden_words(
    ids: Ids, draws: np.random.Generator, vocabulary: int, span: int = 1
) -> tuple[Tensor, Tensor]:
    """Some tokens hidden, in runs of `span`; at least one of a batch."""
    starts = draws.random(ids.shape) < SHARE / span
    starts[0, 0] |= not starts.any()
    chosen = starts.copy()
    for at in range(1, span):
        chosen[:, at:] |= starts[:, :-at]
    fate = draws.random(ids.shape)
    other = draws.integers(len(SPECIAL), vocabulary, ids.shape)
    inputs = np.where(chosen & (fate < HIDDEN), MASK, ids)
    inputs = np.where(chosen & (fate >= HIDDEN) & (fate < HIDDEN + SWAPPED), other, inputs)
    return torch.from_numpy(inputs), torch.from_numpy(np.where(chosen, ids, IGNORED))


def mean_loss(network: SlimPerformer, inputs: Tensor, targets: Tensor) -> Tensor:
    """Nats a token that is asked, with logits of those tokens alone: (B, T), (B, T) -> ()."""
    asked = targets != IGNORED
    return cross_entropy(network.logits(network(inputs)[asked]).float(), targets[asked])


def bits_a_base(network: SlimPerformer, batches: Batches, objective: Objective) -> float:
    """Over EXAMINED fragments, the same each time: what the tokens asked cost, a base they stand for."""
    read, nats, bases = reader(batches.tokenizer, objective), 0.0, 0
    with torch.inference_mode():
        for step in range(LATER, LATER + -(-EXAMINED // batches.size)):
            inputs, targets = (one.to(_device(network)) for one in read(*batches.at(step)))
            asked = targets[targets != IGNORED].cpu().numpy()
            nats += _nats(network, inputs, targets)
            bases += len(batches.tokenizer.codes(asked))
    return nats / math.log(2) / bases


def _nats(network: SlimPerformer, inputs: Tensor, targets: Tensor) -> float:
    """The sum over all tokens that are asked; a causal network reads piece by piece here too."""
    if not network.config.causal:
        return mean_loss(network, inputs, targets).item() * int((targets != IGNORED).sum())
    state, nats = network.start(len(inputs)), 0.0
    for piece, wanted in zip(torch.split(inputs, CHUNK, 1), torch.split(targets, CHUNK, 1), strict=True):
        hidden, state = network.step(piece, state)
        logits = network.logits(hidden).flatten(0, 1).float()
        nats += cross_entropy(logits, wanted.flatten(), reduction="sum").item()
    return nats


def _data(batches: Batches, network: SlimPerformer, objective: str, tokenizer: str) -> str:
    """What must be the same for a run to go on."""
    of = f"{batches.shards.digest} {objective} {batches.length_bp} bp {batches.size} fragments"
    return f"{of} {tokenizer} {asdict(network.config)}"


def _device(network: SlimPerformer) -> torch.device:
    return network.embedding.weight.device
