"""Cross entropy of the bases, on one strand and on both.

cross_entropy        nats of a predicted token
complement           that of a sequence and of its complement, added; as published, in the same direction
reverse_complement   the mean of both strands, each in its own direction: right for causal networks
strand_consistency   both strands, and how far what they say of a position differs: for masked networks
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from genome_index.errors import UsageError
from genome_index.lab.losses.reading import BASES, FIRST_BASE, Reading
from genome_index.lab.performer.exact_gradients import IGNORED


def cross_entropy(reading: Reading) -> Tensor:
    """Mean nats of the predicted tokens, over all tokens of the vocabulary: ()."""
    logits = reading.outputs.logits.flatten(0, 1).float()
    return functional.cross_entropy(logits, reading.batch.targets.flatten(), ignore_index=IGNORED)


def complement(reading: Reading) -> Tensor:
    """Cross entropy of the sequence plus that of its complement: ().

    The "complement loss" of learning-nucleotides. No strand reads so: a causal network sees the complement
    from its 3' end on.
    """
    return cross_entropy(reading) + cross_entropy(reading.complement)


def reverse_complement(reading: Reading) -> Tensor:
    """The mean cross entropy of both strands, each read from its 5' end: ()."""
    return (cross_entropy(reading) + cross_entropy(reading.reverse_complement)) / 2


def strand_consistency(reading: Reading) -> Tensor:
    """The mean cross entropy of both strands, plus the divergence between their predictions: ().

    The divergence is the mean of both Kullback-Leibler divergences between the probabilities of the bases
    at a masked position and those that the other strand gives their complements there. A causal network
    predicts the two from other sides of the position, so it has no such loss.

    Raises
    ------
    UsageError
        The network is causal.
    """
    if reading.batch.causal:
        raise UsageError(
            "strand-consistency needs a masked network; choose reverse-complement for a causal one"
        )
    return reverse_complement(reading) + strand_divergence(reading)


def strand_divergence(reading: Reading) -> Tensor:
    """Mean of both Kullback-Leibler divergences between the strands, nats of a predicted position: ()."""
    own, other = _log_probabilities(reading), _log_probabilities(reading.reverse_complement).flip(1, 2)
    apart = ((own.exp() - other.exp()) * (own - other)).sum(-1) / 2
    return apart[reading.predicted].mean()


def teacherless(reading: Reading) -> Tensor:
    """Cross entropy with the first token alone to read: ().

    Called "headless" in learning-nucleotides; the headless loss of Godey et al. is in headless.py.
    """
    return cross_entropy(reading.without_history)


def _log_probabilities(reading: Reading) -> Tensor:
    """Logarithms of the predicted probabilities of the bases: (B, L, 4)."""
    logits = reading.outputs.logits[..., FIRST_BASE : FIRST_BASE + BASES]
    return torch.log_softmax(logits.float(), -1)
