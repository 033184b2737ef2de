"""Pretraining of a SLiM Performer on a corpus without labels, by next or by masked tokens.

    next     causal. A fragment of more than CHUNK tokens is read piece by piece (exact_gradients.py), so that
             memory does not depend on its length. The head is saved; `gindex lab score` uses it
    masked   bidirectional, for vectors; its head is not saved

The card has the bits a base of validation fragments, during the training and at its end, beside those of
Markov models and context tree weighting (held_out.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from shlex import quote
from typing import get_args

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from genome_index.encoders.batching import best_device
from genome_index.encoders.networks.performer import SlimPerformer
from genome_index.errors import UsageError
from genome_index.lab.corpus.shards import Shards
from genome_index.lab.performer.exact_gradients import IGNORED, exact_gradients
from genome_index.lab.training.held_out import NETWORK, baseline_scores, bits_per_base
from genome_index.lab.training.model_sizes import (
    FEATURES,
    SAVES,
    check_length,
    choose_tokenizer,
    model_size,
    redrawn,
    save_model,
    schedule_of,
)
from genome_index.lab.training.run_card import Card, Display, write_card
from genome_index.lab.training.runs import Validation, train
from genome_index.lab.training.token_batches import Batches, Objective, predicted_bases, reader
from genome_index.records import Progress, quiet

LENGTH_BP = 2_000
# Masked: what `gindex lab contrast` learns from, which starts with these tokens. Next: a sixth of the tokens.
TOKENIZERS: dict[Objective, str] = {"masked": "kmers-overlapping:6", "next": "kmers-apart:6"}
RATE = 1e-3
CHUNK = 512  # tokens; longer fragments are read piece by piece


def pretrain(
    corpus: Path, out: Path, objective: Objective = "masked", size: str = "small",
    length_bp: int = LENGTH_BP, tokenizer: str = "", steps: int = 0, rate: float = RATE,
    seed: int = 0, features: str = FEATURES, fragments: int = 0, progress: Progress = quiet,
) -> Card:  # fmt: skip
    """Train a network on a corpus, or continue; `out` becomes a model folder, with the run's files.

    Without a tokenizer it is that of TOKENIZERS. `fragments` is the number in a step; 0: that of the size.

    Raises
    ------
    UsageError, InputError, ModelError
    """
    if objective not in get_args(Objective):
        raise UsageError(f"--objective {objective}: choose {' or '.join(get_args(Objective))}")
    check_length(length_bp)
    settings, shards = model_size(size), Shards.open(corpus)
    tokenizer = tokenizer or TOKENIZERS[objective]
    chosen = choose_tokenizer(tokenizer, shards, seed)
    batches = Batches(shards, "train", chosen, length_bp, fragments or settings.fragments, seed)
    network = settings.network(chosen.vocabulary, objective == "next", True, seed, features)
    network.to(best_device().name)
    loss_at, plan = loss_of_step(network, batches, objective), schedule_of(settings, steps, rate, seed)
    ids, _ = batches.at(0)
    bases_per_token = predicted_bases(chosen, objective)[ids].mean()
    command = (
        f"gindex lab pretrain {quote(str(corpus))} --out {quote(str(out))} --objective {objective} "
        f"--size {size} --length {length_bp} --tokenizer {quote(tokenizer)} --steps {plan.steps} "
        f"--rate {rate} --seed {seed} --features {features} --fragments {batches.size}"
    )
    display = Display("bits a base", 1 / math.log(2) / bases_per_token, ids.size, command)
    data = _data(batches, network, objective, tokenizer)
    examined = replace(batches, part="validation") if len(shards.numbers("validation")) else None
    validation = _validation(network, examined, objective, plan.steps)
    card = train(out, network, loss_at, plan, data, progress, display, validation)
    save_model(network, chosen, out, batches.tokens)
    if examined:
        scores = {NETWORK[objective]: bits_per_base(network, examined, objective)}
        card = replace(card, scores={**scores, **baseline_scores(examined, progress=progress)})
        write_card(card, out)
    return card


def _validation(
    network: SlimPerformer, examined: Batches | None, objective: Objective, steps: int
) -> Validation | None:
    """Bits a base of validation fragments, some SAVES times during the steps."""
    if examined is None:
        return None
    return Validation(lambda: bits_per_base(network, examined, objective), max(1, steps // SAVES))


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


def mean_loss(network: SlimPerformer, inputs: Tensor, targets: Tensor) -> Tensor:
    """Nats per target token, with logits of these tokens alone: (B, T), (B, T) -> ()."""
    counted = targets != IGNORED
    return cross_entropy(network.logits(network(inputs)[counted]).float(), targets[counted])


def _data(batches: Batches, network: SlimPerformer, objective: str, tokenizer: str) -> str:
    """The data of a run: a run continues only with the same."""
    of = f"{batches.shards.digest} {objective} {batches.length_bp} bp {batches.size} fragments"
    config = asdict(network.config)
    if config.pop("last_norm") is False:  # it is not named where it is on: older runs continue
        config["last_norm"] = False
    return f"{of} {tokenizer} {config}"


def _device(network: SlimPerformer) -> torch.device:
    return network.embedding.weight.device
