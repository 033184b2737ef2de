"""Bits a base of validation fragments: by a network, by Markov models and by context tree weighting.

All read the same fragments, predict their bases A, C, G and T, and leave out N. The models of counts have
learned both strands of the whole training part, each base once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from genome_index.encoders.networks.performer import SlimPerformer
from genome_index.lab.corpus.packing import Codes, other_strand
from genome_index.lab.corpus.shards import Shards
from genome_index.lab.likelihood.causal_model import base_tokens
from genome_index.lab.likelihood.context_tree import tree_bits, weigh_contexts
from genome_index.lab.likelihood.contexts import DEPTH, ContextCounts, count_contexts, markov_bits
from genome_index.lab.likelihood.token_bits import PIECE, nats_of
from genome_index.lab.performer.exact_gradients import IGNORED
from genome_index.lab.training.token_batches import (
    VALIDATION_STEP,
    Batches,
    Objective,
    predicted_bases,
    reader,
)
from genome_index.records import Progress, quiet

EXAMINED = 64  # validation fragments, rounded up to whole batches
BITS = "bits a base, validation"
# Masked tokens are predicted from both sides, each by itself: bits that no model of the past can be held to.
NETWORK: dict[Objective, str] = {"next": BITS, "masked": "bits a base of masked tokens, validation"}


def bits_per_base(network: SlimPerformer, batches: Batches, objective: Objective) -> float:
    """Cross-entropy of the target tokens per base, over the same fragments each time."""
    read, lengths = reader(batches.tokenizer, objective), predicted_bases(batches.tokenizer, objective)
    nats, bases = 0.0, 0
    device, allowed = network.embedding.weight.device, torch.from_numpy(base_tokens(batches.tokenizer))
    with torch.inference_mode():
        for step in _steps(batches):
            inputs, targets = read(*batches.at(step))
            targets = targets.masked_fill((targets == IGNORED) | ~allowed[targets.clamp(min=0)], IGNORED)
            bases += int(lengths[targets[targets != IGNORED].numpy()].sum())
            nats += _nats(network, inputs.to(device), targets.to(device), allowed.to(device))
    return nats / math.log(2) / bases


def baseline_scores(batches: Batches, depth: int = DEPTH, progress: Progress = quiet) -> dict[str, float]:
    """Bits a base of the same fragments by each order from 0 to `depth`, and by the tree of all of them."""
    counts = training_counts(batches.shards, depth, progress)
    tree, orders, trees = weigh_contexts(counts), [], []
    for step in _steps(batches):
        for row in batches.at(step)[0]:
            codes = batches.tokenizer.codes(row)
            orders.append(markov_bits(counts, codes, depth))
            trees.append(tree_bits(tree, codes))
    means = np.nanmean(np.concatenate(orders), axis=0).tolist()
    scores = {f"{BITS}, Markov model of order {order}": bits for order, bits in enumerate(means)}
    mixed = float(np.nanmean(np.concatenate(trees)))
    return {**scores, f"{BITS}, context tree weighting, depth {depth}": mixed}


def training_counts(shards: Shards, depth: int, progress: Progress = quiet) -> ContextCounts:
    """The counts of both strands of all training genomes."""
    return count_contexts(_strands(shards, progress), depth)


def _strands(shards: Shards, progress: Progress) -> Iterator[Codes]:
    numbers = shards.numbers("train").tolist()
    for done, number in enumerate(numbers):
        progress.stage("counting the contexts of training genomes", done + 1, len(numbers))
        for codes in shards.contigs(number):
            yield codes
            yield other_strand(codes)


def _steps(batches: Batches) -> range:
    return range(VALIDATION_STEP, VALIDATION_STEP + -(-EXAMINED // batches.size))


def _nats(network: SlimPerformer, inputs: Tensor, targets: Tensor, allowed: Tensor) -> float:
    """The sum over all target tokens; a causal network reads piece by piece."""
    if not network.config.causal:
        return _summed(network, network(inputs), targets, allowed)
    state, nats = network.start(len(inputs)), 0.0
    for piece, expected in zip(torch.split(inputs, PIECE, 1), torch.split(targets, PIECE, 1), strict=True):
        hidden, state = network.step(piece, state)
        nats += _summed(network, hidden, expected, allowed)
    return nats


def _summed(network: SlimPerformer, hidden: Tensor, targets: Tensor, allowed: Tensor) -> float:
    counted = targets != IGNORED
    return float(nats_of(network, hidden[counted], targets[counted], allowed).sum(dtype=torch.float64))
